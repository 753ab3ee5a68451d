"""What must hold before a partition is decided; where it does not, trying again would not help and the lane stops with an alarm."""

from collections.abc import Sequence

from onhand.agents.alarms import Alarm
from onhand.agents.gate.batch import record_hash
from onhand.agents.gate.ports import CommandTopic
from onhand.agents.ports import Record
from onhand.lua.format import RULES, Mark
from onhand.schemas.topics import COMMANDS


def check(mark: Mark | None, topic: CommandTopic | None, bounds: tuple[int, int]) -> Mark:
    """The mark, if it fits the topic. `bounds`: the log's first offset and the next one to be written."""
    if mark is None:
        raise lost()
    if topic is None:
        raise Alarm("no_topic", f"there is no topic {COMMANDS}", mark.offset)
    if mark.rules != RULES:
        raise foreign_rules(mark.rules)
    if mark.topic_id != topic.topic_id:
        message = f"{COMMANDS} is not the topic that was decided: its id is {topic.topic_id}, not {mark.topic_id}"
        raise Alarm("other_topic", message, mark.offset)
    if mark.partitions != topic.partitions:
        message = (
            f"{COMMANDS} has {topic.partitions} partitions, the stock was put into {mark.partitions}: it cannot change"
        )
        raise Alarm("other_partitions", message, mark.offset)
    if topic.compacted:
        raise Alarm("compacted", f"{COMMANDS} is compacted, so commands vanish: set cleanup.policy=delete", mark.offset)
    if not topic.append_time:
        raise Alarm("no_append_time", f"{COMMANDS} needs message.timestamp.type=LogAppendTime", mark.offset)
    first, end = bounds
    if mark.offset >= end:
        raise Alarm("watermark_ahead", f"the gate has decided {mark.offset}, and the log ends at {end}", mark.offset)
    if mark.offset + 1 < first:
        message = f"the log begins at {first}, the commands from {mark.offset + 1} on are gone"
        raise Alarm("commands_lost", message, mark.offset + 1)
    return mark


def check_record(mark: Mark, records: Sequence[Record]) -> None:
    """The last decided record, if it is still there, must be the one that was decided."""
    for record in records:
        if mark.record and record.offset == mark.record.offset and record_hash(record) != mark.record.hash:
            message = f"the record at {record.offset} is not the one that was decided: the log was changed"
            raise Alarm("other_log", message, record.offset)


def lost() -> Alarm:
    """The store does not know the partition, which is never taken for a new one."""
    return Alarm("gate_lost", "the gate has no mark for this partition: it must be rebuilt from the ledger", -1)


def foreign_rules(version: int) -> Alarm:
    """The state was made by rules that this worker does not have."""
    return Alarm("rules", f"the partition is decided by rules {version}, this worker has {RULES}", -1)
