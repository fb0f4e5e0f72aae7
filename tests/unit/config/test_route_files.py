"""routes.toml as engineers write it: every key, and what is said of each mistake."""

from __future__ import annotations

import pytest

from smsgw.config.route_fields import _days, _hours, _pattern, _segments
from smsgw.policy.route import ANY_DAY, ANY_SEGMENTS, Route
from smsgw.policy.route_words import describe

from .conftest import SiteCopy

FULL = """
[[route]]
name = "full"
account = ["shop", "orders"]
department = "retail"
class = "marketing"
lane = ["notice", "marketing"]
signature = "示例商城"
template = ["welcome"]
prefix = "86139"
network = ["mobile", "other"]
province = ["guangdong", "北京"]
segments = ["1", ">=3"]
text = "退款"
text_pattern = "[0-9]{4,8}"
days = "workdays"
hours = ["08:00-12:00", "22:00-02:00"]
max_cost = 0.05
weights = { alpha = 70, beta = 30 }
"""


def with_routes(site: SiteCopy, text: str) -> SiteCopy:
    """The example with ``text`` before its routes."""
    routes = (site.directory / "routes.toml").read_text(encoding="utf-8")
    return site.write("routes.toml", text + routes)


def first(site: SiteCopy) -> Route:
    return site.load().routes.routes[0]


def test_every_key(site: SiteCopy) -> None:
    route = first(with_routes(site, FULL))
    assert route.carriers == ("alpha", "beta")
    assert route.weights == (70, 30)
    assert route.provinces == frozenset(("广东", "北京"))
    assert describe(route) == (
        "account orders, shop; department retail; class marketing; lane notice, marketing; signature 示例商城; "
        "template welcome; prefix 86139; network mobile, other; province 北京, 广东; segments 1, >=3; text 退款; "
        "text_pattern [0-9]{4,8}; days workdays; hours 00:00-02:00, 08:00-12:00, 22:00-24:00; max_cost 0.05"
    )


def test_provinces_are_known_only_where_somebody_asks(site: SiteCopy) -> None:
    assert site.load().routes.plan.provinces is None
    plan = with_routes(site, FULL).load().routes.plan
    assert plan.province("8613800138000") == "北京"
    assert plan.network("8613800138000") == "mobile"


@pytest.mark.parametrize(
    ("lines", "error"),
    [
        ("", 'expected either carriers = ["a", "b"] or weights = { a = 70, b = 30 }, found neither'),
        ('carriers = ["alpha"]\nweights = { beta = 1 }', "found both"),
        ('carriers = ["alpha"]\nbackups = ["beta"]', "backups go with weights"),
        ('weights = { alpha = 1 }\nprefer = "cheapest"', 'prefer = "cheapest" goes with carriers'),
        ('weights = { alpha = 1 }\nbackups = ["alpha"]', "'alpha' is listed twice"),
        ("weights = { alpha = 0 }", "weights.alpha: expected at least 1, found 0"),
        ("weights = { alhpa = 1 }", "weights.alhpa: no carrier is named 'alhpa'; did you mean 'alpha'?"),
        ('carriers = ["alpha"]\nnetwork = "unicon"', "network[1]: unknown network 'unicon'; did you mean 'unicom'?"),
        ('carriers = ["alpha"]\nprovince = "guangdon"', "unknown province 'guangdon'; did you mean 'guangdong'?"),
        ('carriers = ["alpha"]\ndepartment = "retial"', "no department is named 'retial'; did you mean 'retail'?"),
        (
            'carriers = ["alpha"]\nsegments = "0"',
            'expected numbers of segments such as "1", "2-4" or ">=3", found \'0\'',
        ),
        ('carriers = ["alpha"]\ndays = "monday"', "unknown day 'monday'; did you mean 'mon'?"),
        ('carriers = ["alpha"]\nhours = "8-21"', "'8-21' is not a time range such as 09:00-21:00"),
        ('carriers = ["alpha"]\ntext_pattern = "(a+)+"', "must not repeat what repeats"),
        ('carriers = ["alpha"]\ntext_pattern = "("', "is not a regular expression"),
        ('carriers = ["alpha"]\nmax_cost = -1', "max_cost: expected at least 0.0, found -1"),
        ('carriers = ["alpha"]\nmax_cost = 0.01', "'new' leads nowhere: none of its carriers costs at most max_cost"),
        ('carriers = ["alpha"]\noverlaps = "cods"', "overlaps: no route is named 'cods'; did you mean 'codes'?"),
        (
            'carriers = ["alpha"]\nclass = "marketing"\nlane = "otp"',
            "the lane of a message is never better than its class",
        ),
        ('carriers = ["alpha"]\naccount = "shop"\ndepartment = "security"', "account 'shop' is of department 'retail'"),
    ],
)
def test_mistakes(site: SiteCopy, lines: str, error: str) -> None:
    site.edit("carriers/alpha.toml", 'name = "alpha"', 'name = "alpha"\ncost = 0.05')
    (found,) = with_routes(site, f'[[route]]\nname = "new"\nsignature = "示例商城"\n{lines}\n').errors()
    assert error in found


def test_an_order_by_accident_is_pointed_out_until_it_is_said_to_be_meant(site: SiteCopy) -> None:
    one = '[[route]]\nname = "by-signature"\nsignature = "示例商城"\ncarriers = ["alpha"]\n'
    other = '[[route]]\nname = "by-province"\nprovince = "guangdong"\ncarriers = ["beta"]\n'
    assert (
        "routes.toml:5: route[2]: some messages fit both 'by-province' and 'by-signature' (line 1), and only their "
        'order decides: by signature or by province; if that is meant, write overlaps = ["by-signature"] here'
    ) in with_routes(site, one + other).warnings()
    site.edit("routes.toml", 'province = "guangdong"', 'province = "guangdong"\noverlaps = "by-signature"')
    assert not [each for each in site.warnings() if "'by-province' and 'by-signature'" in each]


def test_a_hidden_route_names_the_one_that_takes_all_and_is_told_once(site: SiteCopy) -> None:
    mobile = '[[route]]\nname = "mobile"\nnetwork = "mobile"\ncarriers = "beta"\n'
    rest = '[[route]]\nname = "rest"\ncarriers = "beta"\n'
    night = '[[route]]\nname = "night"\nhours = "21:00-08:00"\ncarriers = "alpha"\n'
    (site.directory / "routes.toml").write_text(mobile + rest + night)
    (error,) = site.errors()
    assert "taken by 'rest' (line 5); move it up" in error


def test_several_routes_may_hide_one_together(site: SiteCopy) -> None:
    day = '[[route]]\nname = "day"\nhours = "08:00-20:00"\ncarriers = ["alpha"]\n'
    night = '[[route]]\nname = "night"\nhours = "20:00-08:00"\ncarriers = ["beta"]\n'
    (site.directory / "routes.toml").write_text(day + night + '[[route]]\nname = "rest"\ncarriers = ["beta"]\n')
    (error,) = site.errors()
    assert "'rest' can never be reached: every message that fits it is taken by 'day' (line 1) and 'night'" in error


def test_a_lane_may_only_be_lower_than_the_class(site: SiteCopy) -> None:
    site.edit("accounts/shop.toml", 'class = "marketing"', 'class = "marketing"\nlane = "otp"')
    assert "lane: otp goes before marketing; a lane may only be lower than the class" in site.errors()[0]
    site.edit("accounts/shop.toml", 'lane = "otp"', 'lane = "marketing"')
    assert site.load().accounts["shop"].policy().lane == 2


def test_ported_numbers(site: SiteCopy) -> None:
    (site.directory / "numbers").mkdir()
    site.write("numbers/ported.csv", "number,network\n13912345678,telecom\n8613912345679,other\n")
    plan = site.load().routes.plan
    assert plan.network("8613912345678") == "telecom"
    assert plan.network("8613912345679") == ""
    site.write("numbers/ported.csv", "number,network\n139,telecom\n13912345678,telecon\n13912345678\n")
    assert site.errors() == [
        "numbers/ported.csv:2: number: expected a Chinese mobile number, found ****",
        "numbers/ported.csv:3: network: unknown network 'telecon'; did you mean 'telecom'? "
        "valid: broadnet, iot, mobile, other, telecom, unicom",
        "numbers/ported.csv:4: expected a number and a network, found 1 fields",
    ]
    site.write("numbers/ported.csv", "phone;network\n")
    assert site.errors() == ["numbers/ported.csv:1: expected the header number,network"]


def test_values() -> None:
    assert _segments(2) == _segments("2") == 0b100
    assert _segments([">=3", "1-2"]) == ANY_SEGMENTS
    assert _days(["workdays", "holidays"]) == ANY_DAY
    assert _days("mon") | _days("tue") == 0b1111
    assert _hours("23:59-00:01") == (1 << 1439) | 1
    assert _pattern("验证码[0-9]{4,8}") == "验证码[0-9]{4,8}"
    for pattern in ("a.*b.*c", "(?=a)b", r"(a)\1", "a{1,90}b{1,90}", "(a|b+)*"):
        with pytest.raises(ValueError, match="for ever"):
            _pattern(pattern)
