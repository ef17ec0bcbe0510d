"""Writes to every partition of a topic every 50 ms and reads them all, until its input ends. Then it prints, as JSON, for
how long each partition stood still: the longest time between two records that were read.

    steady.py BOOTSTRAP TOPIC PARTITIONS
"""

import json
import sys
import threading
import time

from confluent_kafka import Consumer, Producer, TopicPartition

bootstrap, topic, partitions = sys.argv[1], sys.argv[2], int(sys.argv[3])
over = threading.Event()
threading.Thread(target=lambda: (sys.stdin.read(), over.set()), daemon=True).start()

producer = Producer({"bootstrap.servers": bootstrap, "linger.ms": 5})
consumer = Consumer({"bootstrap.servers": bootstrap, "group.id": f"{topic}.steady", "enable.auto.commit": False})
consumer.assign([TopicPartition(topic, partition, 0) for partition in range(partitions)])

latest = {}
longest = dict.fromkeys(range(partitions), 0.0)


def read_at(partition, now):
    if partition in latest:
        longest[partition] = max(longest[partition], now - latest[partition])
    latest[partition] = now


next_write = time.monotonic()
said = False
while not over.is_set():
    if time.monotonic() >= next_write:
        next_write += 0.05
        for partition in range(partitions):
            producer.produce(topic, b"steady", partition=partition)
    producer.poll(0)
    message = consumer.poll(0.01)
    if message is not None and message.error() is None:
        read_at(message.partition(), time.monotonic())
    if not said and len(latest) == partitions:
        said = True
        print("reading", flush=True)

now = time.monotonic()
for partition in list(latest):
    read_at(partition, now)
print(json.dumps({partition: round(seconds * 1000) for partition, seconds in longest.items()}), flush=True)
