"""`onhand topics`: makes the topics, and lets each partition be born once."""

import time
from concurrent.futures import Future
from dataclasses import dataclass

from confluent_kafka import KafkaException, TopicCollection, TopicPartition
from confluent_kafka.admin import AdminClient, ConfigResource, NewTopic, OffsetSpec, ResourceType

from onhand.agents.settings import Kafka, Settings
from onhand.schemas.faults import Corrupt, Retryable
from onhand.schemas.topics import COMMANDS, TOPICS, Topic

_TIMEOUT_S = 15.0
_LOOK_AGAIN_S = 0.05
_NOT_LED_YET = (
    "NOT_LEADER_FOR_PARTITION", "LEADER_NOT_AVAILABLE", "UNKNOWN_TOPIC_OR_PART", "UNKNOWN_LEADER_EPOCH",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class CommandTopic:
    """What `inventory.commands` is like on the broker."""

    topic_id: str
    partitions: int
    compacted: bool
    append_time: bool


def describe(kafka: Kafka) -> CommandTopic | None:
    """The command topic as it is now; None where there is none. `Retryable` when Kafka does not answer. Blocks."""
    admin = admin_at(kafka)
    try:
        if COMMANDS not in admin.list_topics(timeout=_TIMEOUT_S).topics:
            return None
        future = admin.describe_topics(TopicCollection([COMMANDS]), request_timeout=_TIMEOUT_S)[COMMANDS]
        described = future.result()
        resource = ConfigResource(ResourceType.TOPIC, COMMANDS)
        config = admin.describe_configs([resource], request_timeout=_TIMEOUT_S)[resource].result()
    except KafkaException as fault:
        raise Retryable(f"Kafka is away: {fault.args[0].str()}") from fault
    return CommandTopic(
        topic_id=str(described.topic_id),
        partitions=len(described.partitions),
        compacted="compact" in config["cleanup.policy"].value,
        append_time=config["message.timestamp.type"].value == "LogAppendTime",
    )


def admin_at(kafka: Kafka) -> AdminClient:
    """A client for who asks more than once (nothing is sent yet)."""
    return AdminClient(kafka.librdkafka() | {"log_level": 0})


def topic_id_of(admin: AdminClient, name: str) -> str:
    """Which topic stands under that name now: one that is deleted and made anew is another. `Retryable` where there is none. Blocks."""
    try:
        future = admin.describe_topics(TopicCollection([name]), request_timeout=_TIMEOUT_S)[name]
        return str(future.result().topic_id)
    except KafkaException as fault:
        raise Retryable(f"cannot look at {name}: {fault.args[0].str()}") from fault


def make_topics(settings: Settings) -> CommandTopic:
    """Make what is missing, with as many partitions as the command topic has, and look at what is there. Blocks.

    `Corrupt` when the partition counts of topics differ: that cannot be mended in place.
    """
    admin = admin_at(settings.broker)
    try:
        there = {name: len(topic.partitions) for name, topic in admin.list_topics(timeout=_TIMEOUT_S).topics.items()}
        partitions = there.get(COMMANDS, settings.partitions)
        missing = [_new(topic, partitions, settings.replication) for topic in TOPICS if topic.name not in there]
        for name, future in (admin.create_topics(missing, request_timeout=_TIMEOUT_S) if missing else {}).items():
            _made(name, future)
        _wait_for_leaders(admin, [TopicPartition(new.topic, p) for new in missing for p in range(new.num_partitions)])
    except KafkaException as fault:
        raise Retryable(f"Kafka is away: {fault.args[0].str()}") from fault
    for topic in TOPICS:
        if topic.positioned and there.get(topic.name, partitions) != partitions:
            raise Corrupt(f"{topic.name} has {there[topic.name]} partitions, {COMMANDS} has {partitions}")
    described = describe(settings.broker)
    if described is None:
        raise Retryable(f"{COMMANDS} was made and is not visible yet")
    return described


def _new(topic: Topic, partitions: int, replication: int) -> NewTopic:
    return NewTopic(topic.name, num_partitions=partitions, replication_factor=replication, config=topic.config)


def _made(name: str, future: object) -> None:
    """Somebody else may have made it meanwhile; that is as good."""
    try:
        future.result()  # type: ignore[attr-defined]
    except KafkaException as fault:
        if fault.args[0].name() != "TOPIC_ALREADY_EXISTS":
            raise


def _wait_for_leaders(admin: AdminClient, places: list[TopicPartition]) -> None:
    """Until every partition answers: for half a second after they were made the broker says that it does not lead them."""
    latest: OffsetSpec = OffsetSpec.latest()  # type: ignore[no-untyped-call]
    until = time.monotonic() + _TIMEOUT_S
    while places:
        ends = admin.list_offsets({place: latest for place in places}, request_timeout=_TIMEOUT_S)
        places = [place for place, end in ends.items() if not _led(end, time.monotonic() < until)]
        time.sleep(_LOOK_AGAIN_S if places else 0)


def _led(end: Future[object], patient: bool) -> bool:
    """Whether a partition answered; librdkafka counts the errors of one that will as not to be tried again."""
    try:
        end.result()
    except KafkaException as fault:
        if patient and fault.args[0].name() in _NOT_LED_YET:
            return False
        raise
    return True
