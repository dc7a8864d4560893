"""Common words, separated by spaces, each of them one token with the space before it.

Checked with the tokenizers of SmolLM2, Qwen3, DeepSeek-V3 and Llama 3.
"""

__all__ = ["ADJECTIVES", "MEN", "NOUNS", "NUMBERS", "PREPOSITIONS", "VERBS", "WOMEN"]

ADJECTIVES = """
old young small large great little long short high low early late new warm cold dark bright clear
quiet loud slow quick fast strong weak soft hard heavy light deep wide narrow flat round sharp sweet
fresh dry wet clean empty full open closed simple plain rich poor rare common local foreign public
private royal modern ancient recent former future final first second third last next green blue red
white black brown yellow gold silver grey wooden golden happy sad angry calm brave kind wise proud
honest gentle busy lazy free safe wild rough smooth thick thin tiny huge famous strange secret
hidden broken perfect friendly careful serious nervous patient polite curious lonely noble humble
tall steep hollow frozen sunny rainy windy cloudy dusty muddy shiny rural urban northern southern
eastern western distant nearby lost useful
"""

NOUNS = """
river garden teacher farmer doctor soldier sailor driver painter writer singer dancer baker artist
student lawyer nurse captain king queen prince neighbor stranger traveler hunter guard judge mayor
child boy girl man woman father mother brother sister uncle aunt cousin friend family crowd team
house home kitchen window door wall roof floor table chair bed lamp clock mirror picture book letter
paper pen box bag basket bottle cup plate bowl knife spoon stone rock hill mountain valley forest
tree leaf branch flower seed grass field farm barn village town city street road path bridge station
train ship boat car truck bus wagon wheel engine market shop store bank school church castle tower
palace temple hotel hospital library museum theater office factory island beach coast harbor ocean
lake stream pond well horse dog cat cow sheep goat bird eagle bear wolf fox rabbit mouse fish frog
snake bee apple orange lemon bread cheese butter milk coffee tea sugar salt soup cake dinner lunch
song dance story poem game ball toy drum bell flag coat hat shirt dress shoe ring gold coin price
map plan idea dream secret word name answer question lesson morning evening night summer winter
spring storm wind rain snow cloud sun moon star sky fire smoke shadow light sound voice
"""

VERBS = """
carried found watched moved painted followed opened closed crossed visited passed reached entered
left saw heard met helped saved kept held lost sold bought made built fixed broke cut cleaned washed
cooked served tasted liked loved hated missed needed wanted called asked told showed taught sent
brought took gave pulled pushed lifted dropped threw caught touched covered filled emptied marked
counted measured drew noticed forgot ignored imagined studied read wrote copied hid guarded attacked
changed improved admired praised welcomed thanked joined led owned borrowed rented shared divided
chose picked planted
"""

PREPOSITIONS = """
near behind beside under over above below across beyond inside outside around through against before
after without toward past with from
"""

WOMEN = """
Alice Amy Anna Beth Carol Clara Diana Ellen Emily Emma Grace Helen Jane Julia Karen Kate Laura Linda
Lisa Lucy Maria Mary Nancy Nina Rachel Rosa Ruth Sarah Sofia Susan
"""

MEN = """
Adam Alan Ben Brian Carl Chris Daniel David Eric Frank Gary George Henry Jack James John Kevin Mark
Martin Michael Oscar Paul Peter Ralph Robert Sam Simon Steve Thomas Victor
"""

NUMBERS = "zero one two three four five six seven eight nine ten eleven twelve"
