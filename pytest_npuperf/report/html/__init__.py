"""What every page of a report is made of: safe HTML, tables, the frame of a document, marks of a verdict."""
