"""The words of the generated shop, in English and Chinese.

What is done with them stands in `shop.py`.
"""

from __future__ import annotations

from dataclasses import dataclass

LANGUAGES = ("en", "zh")


@dataclass(frozen=True)
class Kind:
    """One kind of product: every pair is (English, Chinese)."""

    nouns: tuple[tuple[str, ...], tuple[str, ...]]  # what sellers call it
    category: tuple[str, str]
    price: float  # typical, in euros
    unit: tuple[str, str]  # of the one number that distinguishes variants
    values: tuple[str, ...]
    materials: tuple[tuple[str, str], ...]
    features: tuple[tuple[str, str], ...]


STEEL, LEATHER, CANVAS = ("stainless steel", "不锈钢"), ("leather", "皮革"), ("canvas", "帆布")
CERAMIC, GLASS, OAK = ("ceramic", "陶瓷"), ("glass", "玻璃"), ("oak", "橡木")
DISHWASHER, WATERPROOF = ("dishwasher safe", "可用洗碗机"), ("waterproof", "防水")
LIGHT, POCKET = ("lightweight", "轻便"), ("with an inner pocket", "带内袋")

KINDS: dict[str, Kind] = {
    "mug": Kind(
        (("mug", "coffee mug", "cup"), ("马克杯", "咖啡杯")),
        ("Home > Kitchen > Mugs", "家居 > 厨房 > 马克杯"),
        12,
        ("ml", "毫升"),
        ("250", "300", "350", "400", "450", "500"),
        (CERAMIC, ("stoneware", "粗陶"), ("porcelain", "瓷")),
        (DISHWASHER, ("microwave safe", "可用微波炉"), ("stackable", "可叠放")),
    ),
    "teapot": Kind(
        (("teapot", "tea pot"), ("茶壶", "泡茶壶")),
        ("Home > Kitchen > Teapots", "家居 > 厨房 > 茶壶"),
        34,
        ("ml", "毫升"),
        ("600", "800", "1000", "1200", "1500"),
        (CERAMIC, ("cast iron", "铸铁"), ("porcelain", "瓷")),
        (DISHWASHER, ("with a strainer", "带滤网"), ("drip-free", "不滴漏")),
    ),
    "pan": Kind(
        (("frying pan", "skillet", "pan"), ("平底锅", "煎锅")),
        ("Home > Kitchen > Pans", "家居 > 厨房 > 锅"),
        39,
        ("cm", "厘米"),
        ("20", "22", "24", "26", "28", "30"),
        (STEEL, ("cast iron", "铸铁"), ("aluminium", "铝")),
        (DISHWASHER, ("non-stick", "不粘"), ("fit for induction", "适用电磁炉")),
    ),
    "vase": Kind(
        (("vase", "flower vase"), ("花瓶", "插花瓶")),
        ("Home > Living > Vases", "家居 > 客厅 > 花瓶"),
        27,
        ("cm", "厘米"),
        ("15", "18", "22", "25", "30", "35"),
        (GLASS, CERAMIC, ("porcelain", "瓷")),
        (("hand made", "手工制作"), ("watertight", "不漏水"), ("with a felt base", "带毡垫")),
    ),
    "lamp": Kind(
        (("table lamp", "desk lamp", "lamp"), ("台灯", "桌灯")),
        ("Home > Living > Lamps", "家居 > 客厅 > 灯"),
        49,
        ("W", "瓦"),
        ("5", "7", "9", "12", "15"),
        (("linen", "亚麻"), OAK, ("brass", "黄铜")),
        (("dimmable", "可调光"), ("with a touch switch", "触摸开关"), ("rechargeable", "可充电")),
    ),
    "chair": Kind(
        (("chair", "dining chair", "seat"), ("椅子", "餐椅")),
        ("Home > Living > Chairs", "家居 > 客厅 > 椅子"),
        89,
        ("kg", "公斤"),
        ("100", "110", "120", "130", "150"),
        (OAK, ("beech", "榉木"), ("steel", "钢")),
        (("stackable", "可叠放"), ("fit for outdoors", "户外可用"), ("easy to assemble", "易组装")),
    ),
    "handbag": Kind(
        (("handbag", "purse", "tote bag"), ("手提包", "女包")),
        ("Fashion > Bags > Handbags", "时尚 > 箱包 > 手提包"),
        79,
        ("l", "升"),
        ("6", "8", "10", "12", "14"),
        (LEATHER, CANVAS, ("suede", "麂皮")),
        (POCKET, WATERPROOF, ("with a zip", "带拉链")),
    ),
    "backpack": Kind(
        (("backpack", "rucksack", "daypack"), ("双肩包", "背包")),
        ("Fashion > Bags > Backpacks", "时尚 > 箱包 > 双肩包"),
        59,
        ("l", "升"),
        ("15", "18", "22", "26", "30", "35"),
        (CANVAS, ("nylon", "尼龙"), LEATHER),
        (WATERPROOF, LIGHT, ("with a laptop sleeve", "带电脑夹层")),
    ),
    "shoe": Kind(
        (("shoe", "sneaker", "trainer"), ("运动鞋", "休闲鞋")),
        ("Fashion > Footwear > Shoes", "时尚 > 鞋 > 运动鞋"),
        69,
        ("EU", "码"),
        ("36", "38", "40", "42", "44", "46"),
        (LEATHER, ("mesh", "网布"), CANVAS),
        (WATERPROOF, LIGHT, ("non-slip", "防滑")),
    ),
    "shirt": Kind(
        (("t-shirt", "tee", "shirt"), ("T恤", "短袖")),
        ("Fashion > Clothing > Shirts", "时尚 > 服装 > T恤"),
        19,
        ("size", "号"),
        ("S", "M", "L", "XL", "XXL"),
        (("cotton", "棉"), ("linen", "亚麻"), ("merino wool", "美利奴羊毛")),
        (("pre-shrunk", "预缩水"), ("quick-drying", "速干"), ("organic", "有机")),
    ),
    "watch": Kind(
        (("watch", "wristwatch"), ("手表", "腕表")),
        ("Fashion > Accessories > Watches", "时尚 > 配饰 > 手表"),
        129,
        ("mm", "毫米"),
        ("34", "36", "38", "40", "42", "44"),
        (STEEL, LEATHER, ("titanium", "钛")),
        (WATERPROOF, ("with sapphire glass", "蓝宝石镜面"), ("luminous", "夜光")),
    ),
    "bottle": Kind(
        (("bottle", "water bottle", "flask"), ("水瓶", "水壶")),
        ("Sports > Outdoor > Bottles", "运动 > 户外 > 水瓶"),
        22,
        ("ml", "毫升"),
        ("350", "500", "600", "750", "1000"),
        (STEEL, GLASS, ("aluminium", "铝")),
        (("leak-proof", "防漏"), ("insulated", "保温"), DISHWASHER),
    ),
    "camera": Kind(
        (("camera", "digital camera"), ("相机", "数码相机")),
        ("Electronics > Photo > Cameras", "电子 > 摄影 > 相机"),
        449,
        ("MP", "00万像素"),
        ("12", "16", "20", "24", "32", "45"),
        (("magnesium", "镁合金"), ("polycarbonate", "聚碳酸酯"), ("aluminium", "铝")),
        (WATERPROOF, ("with image stabiliser", "防抖"), ("with wifi", "带无线网")),
    ),
    "headphones": Kind(
        (("headphones", "headset", "over-ear headphones"), ("耳机", "头戴式耳机")),
        ("Electronics > Audio > Headphones", "电子 > 音频 > 耳机"),
        99,
        ("h", "小时"),
        ("20", "25", "30", "40", "50", "60"),
        (("leather", "皮革"), ("aluminium", "铝"), ("fabric", "织物")),
        (("noise cancelling", "降噪"), ("foldable", "可折叠"), ("with a microphone", "带麦克风")),
    ),
}

# RGB, what English sellers call it, what Chinese sellers call it
COLOURS: dict[str, tuple[tuple[int, int, int], tuple[str, ...], tuple[str, ...]]] = {
    "red": ((188, 38, 42), ("red", "crimson"), ("红色",)),
    "orange": ((224, 120, 36), ("orange",), ("橙色",)),
    "yellow": ((232, 192, 52), ("yellow", "mustard"), ("黄色",)),
    "green": ((58, 128, 72), ("green",), ("绿色",)),
    "teal": ((30, 140, 142), ("teal", "petrol"), ("青色",)),
    "blue": ((52, 104, 190), ("blue",), ("蓝色",)),
    "navy": ((34, 46, 92), ("navy", "dark blue"), ("藏青色", "深蓝色")),
    "purple": ((116, 66, 148), ("purple", "violet"), ("紫色",)),
    "pink": ((226, 140, 166), ("pink", "rose"), ("粉色",)),
    "brown": ((122, 80, 50), ("brown",), ("棕色", "咖啡色")),
    "black": ((40, 40, 44), ("black",), ("黑色",)),
    "grey": ((134, 138, 142), ("grey", "gray"), ("灰色",)),
    "white": ((232, 230, 224), ("white",), ("白色",)),
    "beige": ((206, 184, 150), ("beige", "sand"), ("米色",)),
}

BRANDS = (
    "Alderway",
    "Brightmoor",
    "Calvanto",
    "Dunefell",
    "Eskavia",
    "Fernhollow",
    "Glimmer & Pine",
    "Harbourlight",
    "Ilmarin",
    "Juniperra",
    "Kestrelworks",
    "Lumavale",
    "Meridoro",
    "Northquay",
    "Oakandash",
    "Pellamere",
    "Quillstone",
    "Riverbend",
    "Solvento",
    "Tidemark",
    "Umbrawood",
    "Velloria",
    "Wrenfield",
    "Zephyrine",
)
SYLLABLES = "al bo ca do el fi go ha in ko lu mi no or pe ri sa ta ve zo".split()  # noqa: SIM905

# how each seller writes a title; an empty part leaves no gap
TITLES = {
    "en": (
        "{brand} {series} {noun} {spec} {colour}",
        "{noun} {series} by {brand}, {colour} {spec}",
        "{brand} {series} - {material} {noun} - {spec} - {colour} {code}",
        "{colour} {noun} {spec} {brand} {series} new",
        "{series} {material} {noun} ({brand}) {colour} {spec}",
        "{noun}, {material}, {colour}, {spec}, {brand} {series} {code}",
    ),
    "zh": (
        "{brand} {series} {colour}{noun} {spec}",
        "{series}{material}{noun}{spec}{colour} {brand}",
        "正品{brand}{series}{noun} {material} {colour} {spec} {code}",
        "{colour}{noun}{spec}新款 {brand} {series}",
    ),
}
DESCRIPTIONS = {
    "en": (
        "This {noun} is made of {material}, {spec}: {features}.",
        "From the {series} range by {brand}. The {noun} is {features}. "
        "Details: {spec}, {material}.",
        "For every day, a {noun} in {material}, {features} ({spec}).",
    ),
    "zh": (
        "{material}{noun},{spec},{features}。",
        "{brand}{series}系列。{features}。{material},{spec}。",
    ),
}
QUERIES = {
    "en": ("{colour} {material} {brand} {noun} {spec}",),
    "zh": ("{brand}{colour}{material}{noun}{spec}",),
}
QUESTIONS = {
    "en": {
        "cheaper": "Is there a {noun} like the {brand} {series}, but cheaper?",
        "colour": "Do you have the {brand} {series} {noun} in {colour}?",
        "size": "Does the {brand} {series} {noun} come in {size}?",
        "feature": "Is the {brand} {series} {noun} {feature}?",
    },
    "zh": {
        "cheaper": "有没有比{brand}{series}{noun}便宜的类似款?",
        "colour": "{brand}{series}{noun}有{colour}的吗?",
        "size": "{brand}{series}{noun}有{size}的吗?",
        "feature": "{brand}{series}{noun}{feature}吗?",
    },
}
