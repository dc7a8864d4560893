"""What the subcommands of ``npuperf`` do that need more than a call: judge, compare, noise, report, view."""
