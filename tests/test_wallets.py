"""Checksums of wallets: the vectors of the specifications hold, and fail with one sign changed."""

from __future__ import annotations

import pytest

from extract_helpers import values
from samehand.extract.wallets import is_bech32, is_wallet

#: Base58Check: the first block's address and other public ones.
BASE58 = {
    "bitcoin-genesis": "1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa",
    "bitcoin-wiki": "1BvBMSEYstWetqTFn5Au4m4GFg7xJaNVN2",
    "bitcoin-script": "3J98t1WpEZ73CNmQviecrnyiWrnqRhWNLy",
    "dogecoin": "DH5yaieqoZN36fDVciNyRueRGvGLR3mr7L",
    "litecoin": "LM2WMpR1Rp6j3Sa59cMXMs1SPzj9eXpGc1",
    "tron-usdt": "TR7NHqjeKQxGTCi8q8ZY4pL8otSzgjLj6t",
    "zcash-founders": "t3Vz22vK5z2LcKEdg16Yv4FFneEL1zg9ojd",
}
#: The donation addresses of the project: a standard one and a subaddress.
MONERO = {
    "standard": "44AFFq5kSiGBoZ4NMDwYtN18obc8AemS33DBLWs3H7otXft3XjrpDtQGv7SqSsaBYBb98uNbr2VBBEt7f2"
    "wfn3RVGQBEP3A",
    "subaddress": "888tNkZrPN6JsEgekjMnABU4TBzc2Dt29EPAvkRxbANsAnjyPbb3iQ1YBRk1UXcdRsiKc9dhwMVgN5S"
    "9cQUiyoogDavup3H",
}
#: BIP-173 and BIP-350, "Test vectors": valid addresses of the networks that are known here.
BECH32 = (
    "BC1QW508D6QEJXTDG4Y5R3ZARVARY0C5XW7KV8F3T4",
    "tb1qrp33g0q5c5txsp9arysrx4k6zdkfs4nce4xj0gdcccefvpysxf3q0sl5k7",
    "bc1pw508d6qejxtdg4y5r3zarvary0c5xw7kw508d6qejxtdg4y5r3zarvary0c5xw7kt5nd6y",
    "BC1SW50QGDZ25J",
    "bc1zw508d6qejxtdg4y5r3zarvaryvaxxpcs",
    "tb1qqqqqp399et2xygdj5xreqhjjvcmzhxw4aywxecjdzew6hylgvsesrxh6hy",
    "tb1pqqqqp399et2xygdj5xreqhjjvcmzhxw4aywxecjdzew6hylgvsesf3hn0c",
    "bc1p0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7vqzk5jj0",
)
#: BIP-350, "Test vectors": invalid ones, with the reason given there.
NOT_BECH32 = {
    "unknown prefix": "tc1p0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7vq5zuyut",
    "bech32 for version 1": "bc1p0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7vqh2y7hd",
    "bech32 for version 2": "tb1z0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7vqglt7rf",
    "bech32 for version 16": "BC1S0XLXVLHEMJA6C4DQV22UAPCTQUPFHLXM9H8Z3K2E72Q4K9HCZ7VQ54WELL",
    "bech32m for version 0": "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kemeawh",
    "bech32m for version 0, test": "tb1q0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7vq24jc47",
    "sign not in the alphabet": "bc1p38j9r5y49hruaue7wxjce0updqjuyyx0kh56v8s25huc6995vvpql3jow4",
    "version 17": "BC130XLXVLHEMJA6C4DQV22UAPCTQUPFHLXM9H8Z3K2E72Q4K9HCZ7VQ7ZWS8R",
    "program of 1 byte": "bc1pw5dgrnzv",
    "program of 41 bytes": "bc1p0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7v8n0nx0muaewav253"
    "zgeav",
    "program of 16 bytes for version 0": "BC1QR508D6QEJXTDG4Y5R3ZARVARYV98GJ9P",
    "two cases": "tb1p0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7vq47Zagq",
    "more than 4 bits of padding": "bc1p0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7v07qwwzc"
    "rf",
    "padding that is not 0": "tb1p0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7vpggkg4j",
    "no data": "bc1gmk9yu",
}
#: EIP-55, "Test cases": of one case, and mixed.
ONE_CASE = (
    "0x52908400098527886E0F7030069857D2E4169EE7",
    "0x8617E340B3D01FA5F11F306F4090FD50E238070D",
    "0xde709f2102306220921060314715629080e2fb77",
    "0x27b1fdb04752bbc536007a920d24acb045561c26",
)
MIXED = (
    "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed",
    "0xfB6916095ca1df60bB79Ce92cE3Ea74c37c5d359",
    "0xdbF03B407c01E7cD3CBea99509d93f8DDDC8C6FB",
    "0xD1220A0cf47c7B9Be7A2E6BA89F429762e7b9aDb",
)
BASE58_SIGNS = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
BECH32_SIGNS = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"
PLAIN = [*BASE58.values(), *MONERO.values(), *BECH32, *ONE_CASE, *MIXED]


def changed(text: str, at: int, signs: str) -> str:
    """A text with the next sign of an alphabet at one place."""
    other = signs[(signs.index(text[at]) + 1) % len(signs)]
    return text[:at] + other + text[at + 1 :]


@pytest.mark.parametrize("text", PLAIN)
def test_vector_holds_and_is_found_in_a_sentence(text: str) -> None:
    assert is_wallet(text)
    lower = (
        text.lower() if text.startswith(("0x", "BC1")) else text
    )  # these have one canonical case
    assert values(f"Payment was asked to {text} within a day.") == {
        ("cryptocurrency-wallet", lower)
    }


@pytest.mark.parametrize("text", [*BASE58.values(), *MONERO.values()])
def test_base58_with_one_sign_changed_fails(text: str) -> None:
    assert not any(is_wallet(changed(text, at, BASE58_SIGNS)) for at in range(len(text)))


@pytest.mark.parametrize("text", BECH32)
def test_bech32_with_one_sign_changed_fails(text: str) -> None:
    low = text.lower()
    first = low.rindex("1") + 1
    assert not any(is_wallet(changed(low, at, BECH32_SIGNS)) for at in range(first, len(low)))


@pytest.mark.parametrize("text", NOT_BECH32.values(), ids=NOT_BECH32)
def test_bech32_that_the_specification_rejects(text: str) -> None:
    assert not is_bech32(text)
    assert not values(f"Payment was asked to {text} within a day.")


@pytest.mark.parametrize("text", MIXED)
def test_ethereum_with_the_case_of_one_letter_changed_fails(text: str) -> None:
    letters = [at for at in range(2, len(text)) if text[at].isalpha()]
    assert not any(is_wallet(text[:at] + text[at].swapcase() + text[at + 1 :]) for at in letters)


def test_ethereum_of_a_few_digits_is_a_placeholder() -> None:
    assert not is_wallet("0x" + "0" * 40)
    assert not is_wallet("0x" + "0" * 39 + "1")


def test_a_run_of_the_length_of_a_hash_is_a_hash_though_it_begins_like_a_wallet() -> None:
    md5 = "1a79a4d60de6718e8e5b326e338ae533"  # of "example"
    assert values(f"Sample {md5} was seen.") == {("file:md5", md5)}


def test_nothing_else_is_a_wallet() -> None:
    for text in (
        "",
        "1",
        "0x",
        "bc1",
        "bc1q",
        "4",
        "1" * 34,
        "4" * 95,
        "0O" * 17,
        "bc1" + "é" * 20,
    ):
        assert not is_wallet(text)
