"""What carriers do, clause by clause: the shipped scenarios that do it, and the test that shows it on the wire.

A test is ``module.function`` of this folder, or ``path::function`` of another one.
"""

from __future__ import annotations

from typing import NamedTuple

BINDS, WINDOW, ANSWERS, RECEIPTS, LONG, CODES, ABLE = SECTIONS = (
    "Binds and timers", "Window and rate", "Answers", "Receipts", "Long messages", "Code classes",
    "The simulator must be able to",
)  # fmt: skip

_BINDS, _WINDOW, _ANSWERS, _RECEIPTS, _LONG, _CODES, _SIM, _STEERED = (
    "test_binds_and_timers.", "test_window_and_rate.", "test_answers.", "test_receipts.", "test_long_messages.",
    "test_code_classes.", "test_simulator_answers.", "test_simulator_steered.",
)  # fmt: skip


class Clause(NamedTuple):
    """One thing that carriers do."""

    section: str
    what: str
    scenarios: tuple[str, ...]
    tests: tuple[str, ...]


def _clause(section: str, what: str, scenarios: str, *tests: str) -> Clause:
    return Clause(section, what, tuple(scenarios.split()), tests)


CLAUSES: tuple[Clause, ...] = (
    _clause(BINDS, "an account has one, two or four binds", "extra-bind",
            _BINDS + "test_as_many_binds_as_an_account_may_have"),
    _clause(BINDS, "one bind more is refused with 0x05 or 0x0D", "extra-bind extra-bind-0x0d",
            _BINDS + "test_one_bind_too_many"),
    _clause(BINDS, "a dropped session is held for a while", "held-session", _BINDS + "test_a_dropped_session_is_held"),
    _clause(BINDS, "who comes back too often is told so", "held-session", _BINDS + "test_who_hammers_is_told"),
    _clause(BINDS, "0x0E, 0x0F and 0x04 stay however often one asks", "wrong-password wrong-system-id wrong-bind-state",
            _BINDS + "test_permanent_refusals"),
    _clause(BINDS, "idle connections are dropped after one time or another, not those with enquire_link", "idle-drop",
            _BINDS + "test_idle_connections_are_dropped"),
    _clause(BINDS, "enquire_link is answered seconds later, and sent", "slow-enquire",
            _BINDS + "test_answers_to_enquire_link_are_late"),
    _clause(BINDS, "a bind is answered late, or never", "slow-bind unanswered-bind",
            _BINDS + "test_binds_are_answered_late", _BINDS + "test_a_bind_that_is_never_answered"),
    _clause(BINDS, "half open: nothing is answered, nothing says so", "half-open", _BINDS + "test_half_open"),
    _clause(BINDS, "enquire_link alone is not answered", "unanswered-enquire",
            _BINDS + "test_enquire_link_is_never_answered"),
    _clause(BINDS, "TLS 1.2 and 1.3, by host name", "tls", _BINDS + "test_tls_by_host_name",
            _BINDS + "test_tls_with_a_foreign_client"),
    _clause(BINDS, "one of several addresses works", "two-addresses", _BINDS + "test_the_second_address_works"),
    _clause(BINDS, "outbind", "outbind", _BINDS + "test_outbind"),
    _clause(BINDS, "transmitters and receivers only", "separate-binds", _BINDS + "test_separate_binds"),
    _clause(BINDS, "receipts on any bind", "receipts-on-another-bind", _BINDS + "test_receipts_on_another_bind"),
    _clause(BINDS, "receipts on another process's bind", "receipts-on-another-bind",
            _BINDS + "test_receipts_on_the_bind_of_another_process"),

    _clause(WINDOW, "windows of 1, 10 and 20; one more gets 0x45, 0x58 or 0x14",
            "window-one window-throttled window-queue-full", _WINDOW + "test_one_message_too_many"),
    _clause(WINDOW, "one more than the window gets silence", "window-silence",
            _WINDOW + "test_silence_for_what_is_too_much"),
    _clause(WINDOW, "a rate for each bind, account or address", "rate-per-bind rate-per-account rate-per-address",
            _WINDOW + "test_rates", _WINDOW + "test_a_rate_goes_on_after_a_while"),
    _clause(WINDOW, "rates are counted in segments", "rate-per-bind", _WINDOW + "test_rates_count_segments"),
    _clause(WINDOW, "0x58, and the same message again is taken", "throttled",
            _WINDOW + "test_throttled_messages_are_taken_again"),
    _clause(WINDOW, "0x14 for everything, for a while", "queue-full", _WINDOW + "test_a_full_queue"),
    _clause(WINDOW, "an answer never comes", "never-answered", _WINDOW + "test_an_answer_that_never_comes"),

    _clause(ANSWERS, "errors without a body, and with one", "error-without-body error-with-body",
            _ANSWERS + "test_bodies_of_errors"),
    _clause(ANSWERS, "message_id as long as it may be", "id-long", _ANSWERS + "test_the_longest_ids"),
    _clause(ANSWERS, "any characters in message_id", "id-odd", _ANSWERS + "test_ids_of_any_characters"),
    _clause(ANSWERS, "ESME_ROK without an id", "id-empty", _ANSWERS + "test_taken_without_an_id"),
    _clause(ANSWERS, "0x08, 0x14, 0x58, 0x64 to 0x67 for a while", "temporary-errors",
            _ANSWERS + "test_temporary_errors"),
    _clause(ANSWERS, "other statuses for good", "final-errors", _ANSWERS + "test_final_errors"),

    _clause(RECEIPTS, "id: with quotes or without", "receipt-unquoted-id receipt-quoted-id", _RECEIPTS + "test_texts"),
    _clause(RECEIPTS, "sub: and dlvrd: missing", "receipt-without-counts", _RECEIPTS + "test_texts"),
    _clause(RECEIPTS, "dates of 10 or 12 digits", "receipt-dates-10-digits receipt-dates-12-digits",
            _RECEIPTS + "test_texts"),
    _clause(RECEIPTS, "dates of other zones", "receipt-other-zone", _RECEIPTS + "test_texts"),
    _clause(RECEIPTS, "stat of seven letters, or a code", "receipt-stat-codes", _RECEIPTS + "test_texts"),
    _clause(RECEIPTS, "err of one to four digits, or letters", "receipt-err-forms", _RECEIPTS + "test_texts"),
    _clause(RECEIPTS, "Text: for text:, or nothing", "receipt-text-label", _RECEIPTS + "test_texts"),
    _clause(RECEIPTS, "cut anywhere", "receipt-cut", _RECEIPTS + "test_cut_anywhere"),
    _clause(RECEIPTS, "any data_coding", "receipt-codings", _RECEIPTS + "test_any_data_coding"),
    _clause(RECEIPTS, "TLVs 0x001E, 0x0427 and 0x0423 alone", "receipt-tlvs-only",
            _RECEIPTS + "test_tlvs_without_text"),
    _clause(RECEIPTS, "text alone", "receipt-text-only", _RECEIPTS + "test_texts"),
    _clause(RECEIPTS, "a TLV without its NUL", "receipt-tlv-without-nul", _RECEIPTS + "test_a_tlv_without_its_nul"),
    _clause(RECEIPTS, "ids in another form than in the response", "id-hex-then-dec id-dec-then-hex id-upper-case "
            "id-lower-case id-padded-8 id-padded-10 id-cut", _RECEIPTS + "test_forms_of_ids"),
    _clause(RECEIPTS, "before the response", "receipts-before-response", _RECEIPTS + "test_before_the_response"),
    _clause(RECEIPTS, "days later", "receipts-days-later", _RECEIPTS + "test_days_later"),
    _clause(RECEIPTS, "twice", "receipts-twice", _RECEIPTS + "test_twice"),
    _clause(RECEIPTS, "several states in any order, pending after delivered", "receipts-in-any-order",
            _RECEIPTS + "test_pending_after_delivered"),
    _clause(RECEIPTS, "a final state, then another", "receipts-contradicting",
            _RECEIPTS + "test_final_states_that_contradict"),
    _clause(RECEIPTS, "for each segment, the first, or the last",
            "receipts-each-segment receipts-first-segment receipts-last-segment",
            _RECEIPTS + "test_receipts_of_segments"),
    _clause(RECEIPTS, "unanswered ones again after 30 s, for a day", "receipts-resent",
            _RECEIPTS + "test_unanswered_receipts_come_again_for_a_day"),
    _clause(RECEIPTS, "refused ones again after eight statuses only", "receipts-retried",
            _RECEIPTS + "test_refusals_after_which_receipts_come_again",
            _RECEIPTS + "test_refusals_that_lose_a_receipt"),
    _clause(RECEIPTS, "esm_class 0x04", "receipt-esm-class", _RECEIPTS + "test_esm_class_of_receipts"),
    _clause(RECEIPTS, "esm_class 0x20", "receipts-intermediate", _RECEIPTS + "test_intermediate_notifications"),
    _clause(RECEIPTS, "esm_class 0", "receipt-esm-class-0", _RECEIPTS + "test_receipts_that_look_like_mo"),
    _clause(RECEIPTS, "by data_sm", "receipt-data-sm", _RECEIPTS + "test_receipts_by_data_sm"),
    _clause(RECEIPTS, "usual, double and early ones taken by a whole foreign client",
            "receipt-esm-class receipts-twice receipts-before-response", _RECEIPTS + "test_a_whole_library_takes_them"),

    _clause(LONG, "user data headers of both widths, sar TLVs, message_payload", "long-any-form",
            _LONG + "test_every_form_is_taken"),
    _clause(LONG, "user data headers only", "long-only-udh", _LONG + "test_only_user_data_headers_are_taken"),
    _clause(LONG, "all segments over one bind", "long-in-one-piece", _LONG + "test_all_segments_over_one_bind"),
    _clause(LONG, "all segments in order", "long-in-one-piece", _LONG + "test_all_segments_in_order"),
    _clause(LONG, "a reference for each message of a recipient", "long-references",
            _LONG + "test_references_while_in_flight"),
    _clause(LONG, "a missing segment times out, the whole is lost", "long-incomplete", _LONG + "test_a_missing_segment",
            _LONG + "test_none_missing"),

    _clause(CODES, "the codes of every class, in stat and err", "code-blacklist code-invalid-number "
            "code-suspended-or-off code-cap code-flow code-content code-signature code-time code-ported code-no-route",
            _CODES + "test_codes_in_stat_and_err"),
    _clause(CODES, "a status, a vendor's too, in place of a receipt", "code-in-response",
            _CODES + "test_a_status_in_place_of_a_receipt"),

    _clause(ABLE, "answers after any distribution of latencies", "latency", _SIM + "test_latencies_are_distributed"),
    _clause(ABLE, "refusals at a rate", "refuse-share", _SIM + "test_refusals_at_a_rate"),
    _clause(ABLE, "refusals for a pattern", "refuse-pattern", _SIM + "test_refusals_for_a_pattern"),
    _clause(ABLE, "refusals by count", "refuse-nth", _SIM + "test_refusals_by_count"),
    _clause(ABLE, "throttling above a rate and a window", "rate-per-bind window-throttled", _WINDOW + "test_rates",
            _WINDOW + "test_one_message_too_many"),
    _clause(ABLE, "answers out of order", "answers-out-of-order", _SIM + "test_answers_out_of_order"),
    _clause(ABLE, "states by region and by recipient", "states-by-province",
            _SIM + "test_states_by_region_and_by_recipient"),
    _clause(ABLE, "MO", "mo", _STEERED + "test_mo_on_a_time_line"),
    _clause(ABLE, "MO from a file", "mo-from-file", _STEERED + "test_mo_from_a_file"),
    _clause(ABLE, "MO that answer a message", "mo-replies", _STEERED + "test_mo_that_answer"),
    _clause(ABLE, "MO over HTTP, settings changed while it runs, what was received decoded and raw", "two-carriers",
            _STEERED + "test_over_http_while_it_runs"),
    _clause(ABLE, "MO from its page", "", "tests/e2e/test_sim_page.py::test_mo_long_with_emoji_and_in_chinese"),
    _clause(ABLE, "drops before and after the response", "drop-before-response drop-after-response",
            _SIM + "test_the_connection_goes_around_the_response"),
    _clause(ABLE, "binds refused", "refuse-binds", _STEERED + "test_refused_binds"),
    _clause(ABLE, "connections refused", "refuse-connections", _STEERED + "test_refused_connections"),
    _clause(ABLE, "hung, and going on", "paused", _STEERED + "test_hung_for_a_while"),
    _clause(ABLE, "slow reading", "slow-reader", _STEERED + "test_a_slow_reader"),
    _clause(ABLE, "floods", "flood", _STEERED + "test_floods"),
    _clause(ABLE, "malformed PDUs", "malformed", _SIM + "test_malformed_pdus"),
    _clause(ABLE, "unknown PDUs", "unknown", _SIM + "test_unknown_pdus"),
    _clause(ABLE, "all of it from a seed", "seed", _SIM + "test_the_same_seed_whatever_the_timing"),
    _clause(ABLE, "a clock that is set and advanced", "night", _STEERED + "test_a_clock_that_jumps_into_the_night"),
    _clause(ABLE, "phases on a time line", "bad-day", _STEERED + "test_phases_of_a_bad_day"),
    _clause(ABLE, "several carriers", "two-carriers", _SIM + "test_two_carriers"),
    _clause(ABLE, "a record", "magic receipts-each-segment mo-replies", _STEERED + "test_records"),
    _clause(ABLE, "a record played back as either side", "", "tests/e2e/test_sim_capture.py::"
            "test_both_sides_played_back_are_the_run"),
    _clause(ABLE, "magic recipients", "magic", _SIM + "test_magic_recipients"),
)  # fmt: skip
