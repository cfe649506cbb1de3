"""The questions of the generated shop as customers might word them, written by hand; English only.

Written before any code that reads questions, so that a reader is not measured on the wordings that
it was made from. Of each list the even wordings are for development, the odd ones for the test.
"""

# a product by name; not everybody gives all of it
ITEMS = (
    "{brand} {series} {noun}",
    "{series} {noun} by {brand}",
    "{brand} {series}",
    "{series} {noun}",
)

REWORDED = {
    "cheaper": (
        "I like the {item}, but it is over my budget. What would be similar and cost less?",
        "Anything comparable to the {item} at a lower price?",
        "Which {noun} comes close to the {brand} {series} without costing as much?",
        "The {item} is too expensive for me, could you suggest an alternative?",
        "Can you recommend a more affordable {noun} of the same sort as the {series} by {brand}?",
        "show me a budget version of the {item}",
        "Looking for a less expensive alternative to the {item}.",
        "I would pay less than for the {item}; what is most like it?",
        "is there something like the {item} that doesn't cost so much",
        "My daughter wants the {item}, which I can't afford. "
        "Do you sell one that looks alike for less money?",
    ),
    "colour": (
        "Is the {item} also available in {asked}?",
        "I saw the {item} and wonder whether a {asked} one exists.",
        "Can I get a {asked} {series} {noun}?",
        "We need it to match our bedroom: {item}, {asked} if possible. Do you stock that?",
        "does {brand} make the {series} in {asked} too?",
        "got any {asked} {brand} {series}?",
        "What about the {item} in {asked}, is it in stock?",
        "Which of your {brand} {series} listings are {asked}?",
        "I would like the {item}, but only if there is one that is {asked}.",
        "Has the {item} ever been sold in {asked}? I'd buy one today.",
    ),
    "size": (
        "I need {asked}. Is the {item} made like that?",
        "Will I find the {item} with {asked}?",
        "Do you carry the {item} in {asked}?",
        "{brand} {series}, {asked}: do you have it?",
        "Can I order a {asked} {series} {noun}?",
        "Is {asked} an option for the {item}?",
        "I take {asked}; does the {item} exist for me?",
        "what sizes is the {item} sold in, is {asked} among them?",
        "Would the {item} be available as {asked}?",
        "How about {asked} for the {item}?",
    ),
}

FEATURES = {
    "dishwasher safe": (
        "Can I wash the {item} in the dishwasher?",
        "Must I clean the {item} by hand, or may a machine do it?",
    ),
    "microwave safe": (
        "Can the {item} go in the microwave?",
        "May I warm up my tea in the {item}, in a microwave oven?",
    ),
    "stackable": (
        "Can I put several of the {item} on top of one another?",
        "Does the {item} pile up neatly to save room?",
    ),
    "with a strainer": (
        "Does the {item} hold back the tea leaves?",
        "Is a sieve included with the {item}?",
    ),
    "drip-free": (
        "Does the {item} dribble when I pour?",
        "Will the spout of the {item} leave drops on the table cloth?",
    ),
    "non-stick": ("Do eggs stick to the {item}?", "Does food come off the {item} easily?"),
    "fit for induction": (
        "Does the {item} work on an induction hob?",
        "Can I use the {item} on my induction cooker?",
    ),
    "hand made": (
        "Was the {item} made by hand?",
        "Is the {item} the work of a craftsman rather than of a machine?",
    ),
    "watertight": (
        "Can I fill the {item} with water without it leaking?",
        "Does the {item} hold water?",
    ),
    "with a felt base": (
        "Will the {item} scratch my table, or is there felt underneath?",
        "Is the {item} lined with felt below?",
    ),
    "dimmable": (
        "Can I turn down the brightness of the {item}?",
        "Can the {item} be made darker in the evening?",
    ),
    "with a touch switch": (
        "Do I turn the {item} on by touching it?",
        "Is the {item} switched by a tap of the finger?",
    ),
    "rechargeable": (
        "Can the battery of the {item} be charged?",
        "Does the {item} need a socket all the time?",
    ),
    "fit for outdoors": (
        "Can the {item} stay in the garden?",
        "May I leave the {item} outside on the terrace?",
    ),
    "easy to assemble": (
        "Is it hard to put the {item} together?",
        "How long does assembly of the {item} take, is it simple?",
    ),
    "with an inner pocket": (
        "Is there a pocket inside the {item}?",
        "Does the {item} have a small compartment for keys?",
    ),
    "waterproof": ("Will the {item} survive heavy rain?", "Can the {item} get wet?"),
    "with a zip": ("Does the {item} close with a zipper?", "Can I zip the {item} shut?"),
    "lightweight": ("Is the {item} light to carry?", "Does the {item} weigh much?"),
    "with a laptop sleeve": (
        "Does my computer fit in the {item}?",
        "Is there a padded place for a laptop in the {item}?",
    ),
    "non-slip": ("Do the soles of the {item} grip on wet floors?", "Will I slip in the {item}?"),
    "pre-shrunk": (
        "Will the {item} shrink in the wash?",
        "Does the {item} get smaller after washing?",
    ),
    "quick-drying": ("Does the {item} dry fast?", "How soon is the {item} dry after washing?"),
    "organic": (
        "Is the fabric of the {item} from organic farming?",
        "Is the {item} made without chemicals?",
    ),
    "with sapphire glass": (
        "Is the glass of the {item} sapphire?",
        "Does the {item} have a scratch-proof crystal?",
    ),
    "luminous": ("Can I read the {item} in the dark?", "Do the hands of the {item} glow at night?"),
    "leak-proof": (
        "Does the {item} leak in my bag?",
        "Is the lid of the {item} tight, or will it spill?",
    ),
    "insulated": (
        "Does the {item} keep coffee hot?",
        "How long do drinks stay cold in the {item}?",
    ),
    "with image stabiliser": (
        "Does the {item} steady shaky shots?",
        "Does the {item} have image stabilisation?",
    ),
    "with wifi": (
        "Can the {item} connect to my phone without a cable?",
        "Does the {item} have wireless LAN?",
    ),
    "noise cancelling": (
        "Does the {item} block out noise?",
        "Will the {item} shut out the chatter of an open-plan office?",
    ),
    "foldable": ("Can I fold up the {item}?", "Does the {item} fold flat for travel?"),
    "with a microphone": (
        "Can I make phone calls with the {item}?",
        "Is there a mic on the {item}?",
    ),
}

# what no catalogue answers
ELSEWHERE = (
    "When will my parcel with the {item} arrive?",
    "Do you ship the {item} to Norway?",
    "Can I send the {item} back after two months?",
    "Is there a guarantee on the {item}?",
    "My {item} came broken, what shall I do?",
    "How do I cancel my order of the {item}?",
    "Who owns the company that makes the {item}?",
    "Can I pay for the {item} in instalments?",
    "I forgot my password, can you reset it?",
    "Do you have a shop in Vienna where I can see the {item}?",
)


def sentence(intent: str, number: int, facts: dict[str, str]) -> str:
    """One of the hand-written wordings, the next with each number, with gaps for the facts; an
    `intent` of its own is "elsewhere".
    """
    if intent == "elsewhere":
        wordings = ELSEWHERE
    else:
        wordings = FEATURES[facts["asked"]] if intent == "feature" else REWORDED[intent]
    return wordings[number % len(wordings)]


def reword(intent: str, number: int, facts: dict[str, str]) -> str:
    """The sentence of that number, with the facts filled in."""
    item = ITEMS[number // 10 % len(ITEMS)].format(**facts)
    return sentence(intent, number, facts).format(item=item, **facts)
