package io.pinpipe.connect.s3;

import static io.pinpipe.connect.s3.Rig.TP;
import static io.pinpipe.connect.s3.Rig.lines;
import static io.pinpipe.connect.s3.Rig.record;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.connect.data.Schema;
import org.apache.kafka.connect.data.SchemaBuilder;
import org.apache.kafka.connect.data.Struct;
import org.apache.kafka.connect.errors.ConnectException;
import org.apache.kafka.connect.sink.SinkRecord;
import org.junit.jupiter.api.Test;

/** Which objects there are, and what is in them. */
class ObjectsTest {

  @Test
  void anObjectIsNamedAfterItsFirstOffsetAndHoldsTheRecordsBytes() {
    try (Rig rig = new Rig().assign(TP)) {
      rig.put(record(TP, 7, "{\"b\": 1.10,\"a\":\"\\u00e9\"}"), record(TP, 8, "null"), record(TP, 9, " [ ] "));
      rig.untilSafe(10);
      assertEquals(Set.of("topics/demo.pin/partition=0/demo.pin+0+0000000007.json"), rig.store.objects.keySet());
      assertEquals("{\"b\": 1.10,\"a\":\"\\u00e9\"}\nnull\n [ ] \n", rig.object(7));
    }
  }

  @Test
  void topicsDirAndPadWidthShapeTheKey() {
    try (Rig rig = new Rig("topics.dir", "a/b", "filename.offset.zero.pad.width", "4", "flush.size", "1").assign(TP)) {
      rig.put(TP, 12, 13);
      rig.untilSafe(13);
      assertEquals(Set.of("a/b/demo.pin/partition=0/demo.pin+0+0012.json"), rig.store.objects.keySet());
    }
  }

  @Test
  void aFullObjectIsWrittenAndTheRestWaits() {
    try (Rig rig = new Rig().assign(TP)) {
      rig.put(TP, 0, 8);
      rig.untilSafe(6);
      assertEquals(List.of(lines(0, 3), lines(3, 6)), List.of(rig.object(0), rig.object(3)));
      rig.nowMs.addAndGet(3_600_000);
      rig.put();
      assertEquals(2, rig.store.objects.size(), "no clock, unless it is asked for");
    }
  }

  @Test
  void theClockWritesAnObjectThatIsNotFull() {
    try (Rig rig = new Rig("rotate.schedule.interval.ms", "1000").assign(TP)) {
      rig.put(TP, 0, 2);
      rig.untilSafe(0);
      assertTrue(rig.context.timeoutMs <= 1000, "asks to be called when it is due");
      rig.nowMs.addAndGet(999);
      rig.put();
      assertTrue(rig.store.objects.isEmpty());
      rig.nowMs.addAndGet(1);
      rig.untilSafe(2);
      assertEquals(lines(0, 2), rig.object(0));
    }
  }

  @Test
  void aGapInTheOffsetsEndsTheObject() {
    try (Rig rig = new Rig().assign(TP)) {
      rig.put(record(TP, 4, "4"), record(TP, 5, "5"), record(TP, 9, "9"));
      rig.untilSafe(9);
      assertEquals(lines(4, 6), rig.object(4));
      assertNull(rig.object(9));
    }
  }

  @Test
  void aTombstoneEndsTheObjectAndIsLeftOut() {
    try (Rig rig = new Rig().assign(TP)) {
      rig.put(record(TP, 0, "0"), record(TP, 1, null), record(TP, 2, "2"), record(TP, 3, "3"), record(TP, 4, "4"));
      rig.untilSafe(5);
      assertEquals(List.of(lines(0, 1), lines(2, 5)), List.of(rig.object(0), rig.object(2)));
      assertEquals(Map.of(), rig.context.reported);
    }
  }

  @Test
  void aTombstoneAloneMovesTheOffsetOn() {
    try (Rig rig = new Rig().assign(TP)) {
      rig.put(record(TP, 0, null), record(TP, 1, null));
      rig.untilSafe(2);
      assertTrue(rig.store.objects.isEmpty());
    }
  }

  @Test
  void aTombstoneFailsTheTaskWhenItShould() {
    try (Rig rig = new Rig("behavior.on.null.values", "fail").assign(TP)) {
      rig.put(TP, 0, 3);
      rig.untilSafe(3);
      ConnectException e = assertThrows(ConnectException.class, () -> rig.put(record(TP, 3, null)));
      assertEquals("demo.pin-0@3 has no value; behavior.on.null.values=ignore leaves such records out", e.getMessage());
      assertEquals(3, rig.safe(TP));
    }
  }

  @Test
  void poisonGoesToTheDeadLettersAndEndsTheObject() {
    try (Rig rig = new Rig().assign(TP)) {
      rig.put(
          record(TP, 0, "0"), record(TP, 1, "{oops"), record(TP, 2, ""), record(TP, 3, "3"), record(TP, 4, "4"),
          record(TP, 5, "5"), record(TP, 6, "6"));
      rig.untilSafe(6);
      assertEquals(List.of(lines(0, 1), lines(3, 6)), List.of(rig.object(0), rig.object(3)));
      assertEquals(Set.of(1L, 2L), rig.context.reported.keySet());
      assertEquals("the value is empty: expected one JSON value", rig.context.reported.get(2L));
    }
  }

  @Test
  void nothingBehindPoisonIsSafeBeforeItIsInTheDeadLetters() {
    try (Rig rig = new Rig().assign(TP)) {
      CompletableFuture<Void> reporting = new CompletableFuture<>();
      rig.context.reporting = reporting;
      rig.put(record(TP, 0, "0"), record(TP, 1, "NaN"), record(TP, 2, "2"), record(TP, 3, "3"), record(TP, 4, "4"));
      rig.until(() -> rig.store.objects.size() == 2);
      rig.untilSafe(1);
      reporting.complete(null);
      rig.untilSafe(5);
    }
  }

  @Test
  void deadLettersThatCannotBeWrittenFailTheTaskAndAreNotCommitted() {
    try (Rig rig = new Rig().assign(TP)) {
      rig.context.reporting = CompletableFuture.failedFuture(new IllegalStateException("no such topic"));
      ConnectException e =
          assertThrows(ConnectException.class, () -> {
            rig.put(record(TP, 0, "x"));
            rig.until(() -> false);
          });
      assertEquals("demo.pin-0: no such topic", e.getMessage());
      assertEquals(0, rig.safe(TP));
      assertEquals(0, rig.safe(TP), "however often it is asked");
      assertThrows(ConnectException.class, rig::put);
    }
  }

  @Test
  void poisonFailsTheTaskWhereThereAreNoDeadLetters() {
    try (Rig rig = new Rig()) {
      rig.context.withDeadLetters = false;
      rig.assign(TP);
      rig.put(TP, 0, 3);
      rig.untilSafe(3);
      ConnectException e = assertThrows(ConnectException.class, () -> rig.put(record(TP, 3, "{} {}")));
      assertTrue(e.getMessage().startsWith("demo.pin-0@3: the value holds more than one JSON value; "), e.getMessage());
      assertTrue(e.getMessage().contains("errors.deadletterqueue.topic.name"), e.getMessage());
      assertEquals(3, rig.safe(TP));
    }
  }

  @Test
  void aLineFeedInARecordBecomesABlank() {
    try (Rig rig = new Rig("flush.size", "2").assign(TP)) {
      rig.put(record(TP, 0, "{\n\"a\":1}\n"), record(TP, 1, "1"));
      rig.untilSafe(2);
      assertEquals("{ \"a\":1} \n1\n", rig.object(0));
    }
  }

  @Test
  void valuesThatAConverterMadeAreWrittenAsJsonAgain() {
    Schema schema = SchemaBuilder.struct().field("n", Schema.INT32_SCHEMA).field("s", Schema.STRING_SCHEMA).build();
    try (Rig rig = new Rig("flush.size", "4").assign(TP)) {
      rig.put(
          new SinkRecord(TP.topic(), 0, null, null, null, Map.of("a", List.of(1L, 2.5, "x\ny")), 0),
          new SinkRecord(TP.topic(), 0, null, null, schema, new Struct(schema).put("n", 1).put("s", "é"), 1),
          new SinkRecord(TP.topic(), 0, null, null, null, "text", 2) {},
          new SinkRecord(TP.topic(), 0, null, null, Schema.INT64_SCHEMA, 5L, 3));
      rig.untilSafe(4);
      assertEquals("{\"a\":[1,2.5,\"x\\ny\"]}\n{\"n\":1,\"s\":\"é\"}\n\"text\"\n5\n", rig.object(0));
    }
  }

  @Test
  void aRecordOfARenamedTopicKeepsItsOwnTopicsName() {
    try (Rig rig = new Rig("flush.size", "1").assign(TP)) {
      SinkRecord original = record(TP, 0, "0");
      rig.put(original.newRecord("other", 5, null, null, null, original.value(), null));
      rig.untilSafe(1);
      assertEquals(lines(0, 1), rig.object(0));
    }
  }

  @Test
  void partitionsAreCutEachByItself() {
    TopicPartition one = new TopicPartition("demo.pin", 1);
    TopicPartition geo = new TopicPartition("demo.geo", 0);
    try (Rig rig = new Rig("flush.size", "2").assign(TP, one, geo)) {
      rig.put(
          record(TP, 0, "0"), record(one, 0, "0"), record(geo, 5, "5"), record(one, 1, "1"), record(TP, 1, null),
          record(geo, 6, "6"));
      rig.until(() -> rig.safe(TP) == 2 && rig.safe(one) == 2 && rig.safe(geo) == 7);
      assertEquals(lines(0, 1), rig.object(0));
      assertEquals(lines(0, 2), rig.store.text(Rig.key(one, 0)));
      assertEquals(lines(5, 7), rig.store.text(Rig.key(geo, 5)));
    }
  }

  @Test
  void recordsThatAreGivenAgainAreTakenOnce() {
    try (Rig rig = new Rig().assign(TP)) {
      rig.put(TP, 0, 2);
      rig.put(TP, 0, 3);
      rig.untilSafe(3);
      assertEquals(lines(0, 3), rig.object(0));
      assertEquals(1, rig.store.puts.size());
    }
  }
}
