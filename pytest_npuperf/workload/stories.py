"""The stories that word problems are made from.

In a text ``{name}``, ``{friend}``, ``{he}``, ``{He}``, ``{him}``, ``{his}``, ``{fruit}``, ``{colour}`` and
``{day}`` stand for words drawn by the generator, all other names for the story's own numbers. The ranges
are chosen so that every result is positive and every division exact.
"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["STORIES", "Step", "Story"]


@dataclass(frozen=True, slots=True)
class Step:
    """One line of a solution: ``result`` is what ``left sign right`` gives.

    In the text ``{work}`` shows the operation (``12 * 5``), ``{<result>}`` its value.
    """

    result: str
    left: str | int
    sign: str
    right: str | int
    text: str


@dataclass(frozen=True, slots=True)
class Story:
    """A question with open numbers, each with its range, and the steps that solve it."""

    numbers: dict[str, range]
    question: str
    steps: tuple[Step, ...]


STORIES = (
    Story(
        {"hens": range(4, 16), "eggs": range(4, 8), "eaten": range(5, 13), "price": range(2, 5)},
        "{name} keeps {hens} hens behind the house, and each of them lays {eggs} eggs a week. {He} needs "
        "{eaten} eggs a week for {his} own kitchen and sells all the others to {friend} for ${price} "
        "each. How many dollars does {name} get from {friend} every week?",
        (
            Step("laid", "hens", "*", "eggs", "The hens lay {work} = {laid} eggs a week."),
            Step("left", "laid", "-", "eaten", "{name} keeps {eaten}, so {work} = {left} eggs are sold."),
            Step("money", "left", "*", "price", "{friend} pays {work} = ${money} for them."),
        ),
    ),
    Story(
        {"pages": range(440, 700, 10), "daily": range(12, 26), "free": range(20, 46)},
        "{name} has borrowed a book of {pages} pages about old ships. {He} reads {daily} pages on each of "
        "the five school days and {free} pages on each of the two days of the weekend. How many pages are "
        "still to be read after two full weeks?",
        (
            Step("school", "daily", "*", 5, "On school days {name} reads {work} = {school} pages a week."),
            Step("weekend", "free", "*", 2, "On the weekend {he} reads another {work} = {weekend} pages."),
            Step("week", "school", "+", "weekend", "That makes {work} = {week} pages a week."),
            Step("both", "week", "*", 2, "In two weeks {he} gets through {work} = {both} pages."),
            Step("left", "pages", "-", "both", "So there are {work} = {left} pages left."),
        ),
    ),
    Story(
        {
            "adults": range(20, 80),
            "kids": range(30, 90),
            "full": range(8, 15),
            "half": range(3, 7),
            "rent": range(50, 160, 10),
        },
        "The choir that {name} sings in gives a concert on {day}. A ticket costs ${full} for an adult and "
        "${half} for a child. In the end {adults} adults and {kids} children come to listen. The choir "
        "has to pay ${rent} for the hall. How much money does it keep?",
        (
            Step("old", "adults", "*", "full", "The adults pay {work} = ${old}."),
            Step("young", "kids", "*", "half", "The children pay {work} = ${young}."),
            Step("all", "old", "+", "young", "All the tickets together bring in {work} = ${all}."),
            Step("kept", "all", "-", "rent", "After the rent for the hall the choir keeps {work} = ${kept}."),
        ),
    ),
    Story(
        {"tank": range(600, 1900, 120), "rate": range(10, 30, 10), "cost": range(2, 10)},
        "A water tank on the roof holds {tank} liters and is one third full. {name} starts a pump that "
        "brings up {rate} liters of water a minute. Running the pump costs {cost} cents a minute. How "
        "many cents does it cost to fill the tank?",
        (
            Step("third", "tank", "/", 3, "There are already {work} = {third} liters in the tank."),
            Step("rest", "tank", "-", "third", "So {work} = {rest} liters have to be pumped up."),
            Step("time", "rest", "/", "rate", "The pump needs {work} = {time} minutes for that."),
            Step("cents", "time", "*", "cost", "This costs {work} = {cents} cents."),
        ),
    ),
    Story(
        {"price": range(40, 210, 10), "tens": range(1, 5), "shoes": range(30, 90)},
        "{name} finds a {colour} coat in a shop window. It used to cost ${price}, but on {day} everything "
        "in the shop is sold for {tens}0 percent less, except the shoes. {He} buys the coat and also a "
        "pair of shoes for ${shoes}. How much does {he} spend in the shop?",
        (
            Step("tenth", "price", "/", 10, "Ten percent of the old price is {work} = ${tenth}."),
            Step("off", "tenth", "*", "tens", "So {name} saves {work} = ${off} on the coat."),
            Step("coat", "price", "-", "off", "The coat now costs {work} = ${coat}."),
            Step("total", "coat", "+", "shoes", "With the shoes {he} spends {work} = ${total}."),
        ),
    ),
    Story(
        {"age": range(8, 16), "more": range(3, 12), "years": range(5, 15)},
        "{friend} is {age} years old. {name} is {more} years older than {friend}, and the father of the "
        "two is twice as old as both of them taken together. How old will the father be in {years} years?",
        (
            Step("older", "age", "+", "more", "{name} is {work} = {older} years old."),
            Step("both", "age", "+", "older", "Together the two are {work} = {both} years old."),
            Step("father", "both", "*", 2, "Their father is {work} = {father} years old today."),
            Step("later", "father", "+", "years", "In {years} years he will be {work} = {later}."),
        ),
    ),
    Story(
        {
            "full": range(25, 50),
            "off": range(5, 13),
            "on": range(6, 15),
            "late": range(3, 11),
            "fare": range(2, 5),
        },
        "A bus leaves the station with {full} people on board. At the market {off} of them get off and "
        "{on} new ones get on. At the bridge {late} more people get on and nobody gets off. Everyone "
        "who is on the bus at the end of the line has paid ${fare}. How much have these people paid?",
        (
            Step("stay", "full", "-", "off", "At the market {work} = {stay} people stay on the bus."),
            Step("market", "stay", "+", "on", "With the new ones there are {work} = {market} people."),
            Step("last", "market", "+", "late", "After the bridge {work} = {last} people are on board."),
            Step("paid", "last", "*", "fare", "Together they have paid {work} = ${paid}."),
        ),
    ),
    Story(
        {"week": range(15, 41), "weeks": range(8, 21), "gift": range(20, 61), "bike": range(800, 1000, 25)},
        "{name} wants to buy a {colour} bike that costs ${bike}. For {weeks} weeks {he} has put aside "
        "${week} a week, but then {he} spent ${gift} of it on a present for {friend}. How many dollars "
        "does {he} still need for the bike?",
        (
            Step("saved", "week", "*", "weeks", "{name} has put aside {work} = ${saved}."),
            Step("left", "saved", "-", "gift", "After the present {he} has {work} = ${left} left."),
            Step("need", "bike", "-", "left", "So {he} still needs {work} = ${need}."),
        ),
    ),
    Story(
        {"rows": range(6, 16), "plants": range(8, 21), "lost": range(6, 16), "kilos": range(2, 6)},
        "In spring {name} sets {rows} rows of tomato plants with {plants} plants in every row. A cold "
        "night in May kills {lost} of the plants. Each of those that live gives {kilos} kilos of tomatoes "
        "over the summer. How many kilos can {name} pick?",
        (
            Step("set", "rows", "*", "plants", "{name} sets {work} = {set} plants."),
            Step("live", "set", "-", "lost", "After the cold night {work} = {live} plants are alive."),
            Step("crop", "live", "*", "kilos", "They give {work} = {crop} kilos of tomatoes."),
        ),
    ),
    Story(
        {"boxes": range(8, 33, 8), "each": range(6, 13), "kids": range(4, 9, 4), "eaten": range(2, 6)},
        "For the party on {day} {name} opens {boxes} boxes of {fruit} with {each} pieces in each box. The "
        "{kids} children who have come share them fairly. {friend} is one of the children and eats "
        "{eaten} pieces at once. How many pieces can {friend} take home?",
        (
            Step("all", "boxes", "*", "each", "There are {work} = {all} pieces in the boxes."),
            Step("share", "all", "/", "kids", "Every child gets {work} = {share} pieces."),
            Step("home", "share", "-", "eaten", "So {friend} takes {work} = {home} pieces home."),
        ),
    ),
    Story(
        {"new": range(25, 46), "old": range(10, 25), "hours": range(5, 10), "bad": range(10, 31)},
        "Two machines in a small factory make {colour} toy cars. The new machine makes {new} cars an "
        "hour. The old one, which {friend} has kept alive for many years with oil and good words, makes "
        "{old} cars an hour. On {day} both of them run for {hours} hours without a break. When {name} "
        "looks at the cars in the evening, {he} finds that some have only three wheels, and {he} has to "
        "throw away {bad} of them. How many good cars did the two machines make on {day}?",
        (
            Step("rate", "new", "+", "old", "Both machines together make {work} = {rate} cars an hour."),
            Step("made", "rate", "*", "hours", "On {day} they make {work} = {made} cars."),
            Step("good", "made", "-", "bad", "Without the bad ones there are {work} = {good} cars."),
        ),
    ),
    Story(
        {"cards": range(20, 60), "more": range(5, 15)},
        "{name} has {cards} cards with old cars on them. {friend} has {more} more than that. How many "
        "cards do the two have together?",
        (
            Step("other", "cards", "+", "more", "{friend} has {work} = {other} cards."),
            Step("both", "cards", "+", "other", "Together they have {work} = {both} cards."),
        ),
    ),
    Story(
        {"cups": range(2, 5), "cents": range(80, 200, 5), "days": range(3, 7)},
        "{name} drinks {cups} cups of coffee on a working day, and one cup costs {cents} cents. {He} "
        "works on {days} days a week. How many cents does {he} spend on coffee in a week?",
        (
            Step("cost", "cups", "*", "cents", "One day costs {work} = {cost} cents."),
            Step("week", "cost", "*", "days", "A week costs {work} = {week} cents."),
        ),
    ),
    Story(
        {"ropes": range(3, 8), "piece": range(4, 13), "over": range(2, 5)},
        "{name} cuts a rope into {ropes} pieces of {piece} feet each and has {over} feet of rope left "
        "over. How long was the rope?",
        (
            Step("cut", "ropes", "*", "piece", "The pieces are {work} = {cut} feet long together."),
            Step("rope", "cut", "+", "over", "The rope was {work} = {rope} feet long."),
        ),
    ),
    Story(
        {"half": range(12, 40), "gone": range(2, 10)},
        "There are twice as many {colour} fish in the pond as there are frogs. {name} counts {half} "
        "frogs. Then a bird takes {gone} of the fish. How many fish are left?",
        (
            Step("fish", "half", "*", 2, "At first there are {work} = {fish} fish."),
            Step("rest", "fish", "-", "gone", "The bird leaves {work} = {rest} of them."),
        ),
    ),
    Story(
        {"run": range(3, 9), "days": range(3, 7), "weeks": range(3, 9)},
        "{name} goes for a run on {days} days of every week and covers {run} miles each time. {friend} "
        "runs twice as far every week. How many miles do the two of them run together in {weeks} weeks?",
        (
            Step("own", "run", "*", "days", "{name} runs {work} = {own} miles a week."),
            Step("other", "own", "*", 2, "{friend} runs {work} = {other} miles a week."),
            Step("both", "own", "+", "other", "Together they run {work} = {both} miles a week."),
            Step("total", "both", "*", "weeks", "In {weeks} weeks that is {work} = {total} miles."),
        ),
    ),
    Story(
        {"shelves": range(12, 31), "books": range(20, 41), "lent": range(50, 150), "back": range(10, 41)},
        "The school library has {shelves} shelves, and when all the books are in, {books} books stand on "
        "each of them. At the start of the week {lent} books are lent out. On {day} {friend} and the "
        "others bring {back} books back. How many books are in the library now?",
        (
            Step("all", "shelves", "*", "books", "The library owns {work} = {all} books."),
            Step("first", "all", "-", "lent", "At the start of the week {work} = {first} of them are in."),
            Step("now", "first", "+", "back", "After {day} there are {work} = {now} books."),
        ),
    ),
    Story(
        {"roses": range(5, 13), "rose": range(2, 5), "tulips": range(6, 16), "tulip": range(1, 4)},
        "{friend} has been at sea for half a year and comes home on {day}, so {name} wants the whole "
        "house to be full of flowers. At the market {he} picks {roses} roses for ${rose} each and "
        "{tulips} tulips for ${tulip} each, and the man who sells them helps {him} to carry them to the "
        "car. {He} pays with a bill of one hundred dollars. How much money does {name} get back?",
        (
            Step("red", "roses", "*", "rose", "The roses cost {work} = ${red}."),
            Step("low", "tulips", "*", "tulip", "The tulips cost {work} = ${low}."),
            Step("cost", "red", "+", "low", "All the flowers together cost {work} = ${cost}."),
            Step("back", 100, "-", "cost", "So {name} gets {work} = ${back} back."),
        ),
    ),
    Story(
        {
            "rooms": range(3, 9),
            "hours": range(4, 8),
            "wage": range(18, 36),
            "paint": range(12, 30),
            "off": range(5, 40),
        },
        "{name} paints houses for a living and has just come to a new town. {friend} lives there in a "
        "house that nobody has painted since it was built, and asks {him} to paint {rooms} of the rooms "
        "in {colour}. Every room takes {hours} hours and needs paint for ${paint}. {name} takes ${wage} "
        "for an hour of work, and because {friend} is the first person who has asked {him}, {he} takes "
        "${off} off the price in the end. How many dollars does {friend} have to pay for the work and the "
        "paint?",
        (
            Step("time", "rooms", "*", "hours", "The work takes {work} = {time} hours."),
            Step("wages", "time", "*", "wage", "For this {name} takes {work} = ${wages}."),
            Step("cans", "rooms", "*", "paint", "The paint costs {work} = ${cans}."),
            Step("all", "wages", "+", "cans", "Both together would cost {friend} {work} = ${all}."),
            Step("pay", "all", "-", "off", "Since {name} takes ${off} off, the price is {work} = ${pay}."),
        ),
    ),
    Story(
        {"boxes": range(20, 61), "kilos": range(12, 26), "truck": range(2500, 4000, 100)},
        "A bridge can carry 6000 kilos. The truck that {name} drives weighs {truck} kilos when it is "
        "empty. On {day} it is loaded with {boxes} boxes of {fruit}, and each box weighs {kilos} kilos. "
        "How many more kilos could the truck carry and still cross the bridge?",
        (
            Step("load", "boxes", "*", "kilos", "The boxes weigh {work} = {load} kilos."),
            Step("total", "truck", "+", "load", "With its load the truck weighs {work} = {total} kilos."),
            Step("spare", 6000, "-", "total", "The bridge could carry {work} = {spare} kilos more."),
        ),
    ),
    Story(
        {"classes": range(4, 10), "pupils": range(20, 32, 2), "ride": range(3, 8), "entry": range(5, 13)},
        "There are {classes} classes with {pupils} children each in the school where {name} teaches. Last "
        "year all of them went to the zoo on the same day, and it was far too loud for the animals. This "
        "year only half of the children go to the zoo on {day}, and the other half go with {friend} a "
        "week later. The ride costs ${ride} and the ticket for the zoo costs ${entry} for each child. How "
        "much does the school have to pay for the children who go on {day}?",
        (
            Step("all", "classes", "*", "pupils", "There are {work} = {all} children in the school."),
            Step("go", "all", "/", 2, "To the zoo go {work} = {go} of them."),
            Step("one", "ride", "+", "entry", "For one child the school pays {work} = ${one}."),
            Step("cost", "go", "*", "one", "For all of them it pays {work} = ${cost}."),
        ),
    ),
)
