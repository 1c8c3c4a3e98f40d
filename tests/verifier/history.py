"""What entries say, held against what was said before them: key history by ledger position, statements rebuilt byte for
byte from the log, signatures, digests of disclosed bodies (statement.md, call.md, control.md part 3, and of flow.md the
guards that these need).

Everything is folded, also what is a finding: one forged entry does not hide the next.
"""

from .attest import FACTS, PublicKey, document
from .basics import need, sha
from .body import HEX
from .ledger import strict_base64
from .strictjson import jcs

# The Unicode property White_Space; str.strip() alone takes U+001C to U+001F for blanks as well.
WHITE_SPACE = "\t\n\v\f\r \x85\xa0\u1680" + "".join(map(chr, range(0x2000, 0x200B))) + "\u2028\u2029\u202f\u205f\u3000"


def sha_text(data):
    return "sha256:" + data.hex()


def is_text(value):
    return isinstance(value, str)


def head_text(head):
    return {"hash": "blake3:" + head["hash"].hex(), "seq": head["seq"]}


class History:
    """The state that these checks need. `whole(seq, name)` is the value of a body that is disclosed whole."""

    def __init__(self, whole):
        self.whole = whole
        self.created, self.origin, self.solo, self.armed = None, None, False, False
        self.keys, self.left, self.calls, self.asked, self.openings = {}, set(), {}, {}, {}
        self.last = (None, None)

    def judge(self, seq, entry):
        """Raises Wrong when the entry cannot stand here."""
        kind = entry["kind"].replace(".", "_")
        getattr(self, "judge_" + kind, lambda *_: None)(seq, entry, entry.get("ref", {}))

    def fold(self, seq, entry, chain_value):
        kind, ref = entry["kind"], entry.get("ref", {})
        self.last = (seq, chain_value)
        if kind == "ledger.created":
            self.created, self.origin, self.solo = entry, entry["origin"], "solo" in entry
        elif kind == "service.armed":
            self.armed = True
        elif kind == "person.left":
            self.left.add(ref.get("person"))
        elif kind == "key.enrolled":
            self.keys.setdefault(ref.get("key"), {"entry": entry, "person": ref.get("person"), "revoked": False})
        elif kind == "key.revoked" and ref.get("key") in self.keys:
            self.keys[ref["key"]]["revoked"] = True
        elif kind == "call.evaluated":
            self.calls.setdefault(ref.get("call"), entry)
        elif kind == "confirmation.opened":
            self.asked.setdefault(ref.get("confirmation"), entry)
        elif kind == "presentation.served":
            self.openings[seq] = entry

    # Setup.

    def judge_policy_adopted(self, seq, entry, _):
        body = self.whole(seq, "policy")
        if body is not None:
            need(isinstance(body, dict) and set(body) == {"toml"} and is_text(body["toml"]), "not a policy's body")
            digest = sha(b"countersign/policy/v1\n", body["toml"].encode())
            need(digest == entry["digest"], "the body is another policy than the digest says")

    def judge_key_enrolled(self, _, entry, ref):
        known = any(it["entry"]["public_key"] == entry["public_key"] for it in self.keys.values())
        need("key" in ref and ref["key"] not in self.keys and not known, "the key or its id was enrolled before")
        stated = document(entry["statement"], "countersign.enrolment.v1")
        key = PublicKey(strict_base64(stated["public_key"]))
        need(key.wire == entry["public_key"] and stated["scheme"] == key.scheme == entry["scheme"]
             and (stated["log"], stated["person"], stated["use"]) == (self.origin, ref.get("person"), entry["client"])
             and entry["class"] == "software" and not {"rp_id", "origins", "credential_id"} & set(entry),
             "the enrolment says something else than its entry")
        key.check("countersign.enrolment.v1", entry["statement"], entry["signature"])
        if "endorsed" in entry:
            return self.endorsed(entry, ref)
        further = any(it["person"] == ref.get("person") for it in self.keys.values())
        return need(self.solo or not self.armed or not further, "a further key without another person's word")

    def endorsed(self, entry, ref):
        word = entry["endorsed"]
        voucher = self.keys.get(word["key"])
        need(voucher, "a word by a key that nobody has")
        stated = document(word["statement"], "countersign.attest-key.v1")
        wanted = (self.origin, sha_text(sha(entry["statement"])), voucher["person"], word["key"])
        need((stated["log"], stated["enrolment"], stated["person"], stated["key"]) == wanted,
             "a word for something else")
        need(not voucher["revoked"] and voucher["person"] not in self.left | {ref.get("person")},
             "a word by somebody who cannot give it")
        PublicKey(voucher["entry"]["public_key"]).check("countersign.attest-key.v1", word["statement"],
                                                        word["signature"])

    # Calls.

    def judge_call_evaluated(self, seq, entry, ref):
        body = self.whole(seq, "call")
        if body is None:
            return
        texts = {"tool_call_id", "session", "reason", "plan", "trace_id", "replaces"}
        need(isinstance(body, dict) and {"action", "action_salt", "tool_call_id"} <= set(body)
             <= texts | {"action", "action_salt"} and all(is_text(body[it]) for it in texts & set(body)),
             "not a call document")
        action, salt = body["action"], body["action_salt"]
        need(isinstance(action, dict) and set(action) == {"arguments", "audience", "tool"}, "not an action")
        need(is_text(salt) and len(salt) == 64 and HEX.fullmatch(salt), "not a salt")
        digest = sha(b"countersign/action/v1\n", bytes.fromhex(salt), jcs(action).encode())
        need(digest == entry["action"], "the call has another action than its digest says")
        need(action["audience"] == ref.get("executor"), "the call is for another executor")
        need(body.get("replaces") == ref.get("replaces"), "the call replaces another one")

    def judge_presentation_served(self, _, entry, ref):
        need((entry["head"]["seq"], entry["head"]["hash"]) == self.last, "its head is not the entry before")
        need(entry["by"] == ref.get("person"), "served to another person than it names")
        facts = [it["fact"] for it in entry.get("independence", [])]
        need(len(set(facts)) == len(facts), "a fact stands twice")
        mine = [it for it in self.openings.values() if it["ref"].get("call") == ref.get("call")]
        need(all(it["nonce"] != entry["nonce"] for it in mine), "a nonce that was used for this call")

    # Signatures over calls.

    def active(self, ref):
        key = self.keys.get(ref.get("key"))
        need(key, "a key that was never enrolled")
        need(key["person"] == ref.get("person"), "another person's key")
        need(not key["revoked"] and key["person"] not in self.left, "a key that was revoked, or whose person left")
        return key["entry"]

    def judge_vote_approve(self, seq, entry, ref):
        self.vote(seq, entry, ref, "approve")

    def judge_vote_deny(self, seq, entry, ref):
        self.vote(seq, entry, ref, "deny")

    def vote(self, seq, entry, ref, decision):
        key, served = self.active(ref), self.openings.get(ref.get("served"))
        need(entry["by"] == ref["person"], "another person's vote")
        about = ("call", "confirmation", "person")
        need(served and all(served["ref"].get(it) == ref.get(it) for it in about), "an opening of something else")
        stated = document(entry["statement"], "countersign.statement.v1")
        wanted = self.statement(ref, served, decision)
        if "comment_digest" in stated:
            wanted["comment_digest"] = stated["comment_digest"]
        need(jcs(wanted).encode() == entry["statement"], "not the statement that the log makes")
        need(key["client"] == served["client"] and "raw" not in entry, "not signed by this kind of client")
        PublicKey(key["public_key"]).check("countersign.approval.v1", entry["statement"], entry["signature"])
        self.comment(seq, entry, stated)

    def statement(self, ref, served, decision):
        call, asked = self.calls.get(ref.get("call")), self.asked.get(ref.get("confirmation"))
        need(call and asked, "a vote on a question that nobody asked")
        found = {it["fact"]: it["found"] for it in served.get("independence", [])}
        return {
            "type": "countersign.statement.v1", "log": self.origin, "decision": decision,
            "call": ref["call"], "confirmation": ref["confirmation"], "instance": asked["instance"].hex(),
            "action_digest": sha_text(call["action"]),
            "shown_digest": sha_text(sha(b"countersign/shown/v1\n", asked["bodies"]["shown"])),
            "renderer": {"version": asked["renderer"]}, "client": served["client"], "channel": "inbox",
            "policy": sha_text(asked["policy"]), "rules": sorted(asked.get("rules", [])),
            "requester": sorted(asked.get("requester", [])), "person": ref["person"], "key": ref["key"],
            "independence": {fact: found.get(fact, "unknown") for fact in FACTS},
            "nonce": served["nonce"].hex(), "opened_at": served["at"], "deadline": asked["decide_before"],
            "execute_within_ms": asked["demand"]["execute_within"], "head": head_text(served["head"])}

    def comment(self, seq, entry, stated):
        need(("comment_digest" in stated) == ("comment" in entry.get("bodies", {})), "a comment, or its digest, alone")
        body = self.whole(seq, "comment")
        if body is None:
            return
        need(isinstance(body, dict) and set(body) == {"salt", "text"} and is_text(body["text"])
             and body["text"].strip(WHITE_SPACE)
             and is_text(body["salt"]) and len(body["salt"]) == 64 and HEX.fullmatch(body["salt"]), "not a comment")
        digest = sha(b"countersign/text/v1\n", bytes.fromhex(body["salt"]), body["text"].encode())
        need(sha_text(digest) == stated["comment_digest"], "another comment was signed")

    def judge_confirmation_revoked(self, _, entry, ref):
        if entry["cause"] != "revocation":
            return
        need("statement" in entry and "signature" in entry, "a revocation that nobody signed")
        key, stated = self.active(ref), document(entry["statement"], "countersign.revocation.v1")
        wanted = (self.origin, ref.get("call"), ref.get("confirmation"), ref["person"], ref["key"])
        need((stated["log"], stated["call"], stated.get("confirmation"), stated["person"], stated["key"]) == wanted
             and "comment_digest" not in stated, "a revocation of something else")
        PublicKey(key["public_key"]).check("countersign.revocation.v1", entry["statement"], entry["signature"])
