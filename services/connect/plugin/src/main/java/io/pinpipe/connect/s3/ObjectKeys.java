package io.pinpipe.connect.s3;

import java.util.OptionalLong;
import org.apache.kafka.common.TopicPartition;

/** Confluent's names: {@code <topics.dir>/<topic>/partition=<n>/<topic>+<n>+<first offset>.json}. */
record ObjectKeys(String topicsDir, int padWidth) {
  private static final String SUFFIX = ".json";

  /** What all keys of a partition start with. */
  String prefix(TopicPartition tp) {
    return "%s/%s/partition=%d/%2$s+%3$d+".formatted(topicsDir, tp.topic(), tp.partition());
  }

  /** The key of the object whose first record has this offset. */
  String key(TopicPartition tp, long firstOffset) {
    return prefix(tp) + String.format("%0" + padWidth + "d", firstOffset) + SUFFIX;
  }

  /** The first offset of an object of this partition; empty for a key of another form. */
  OptionalLong firstOffset(TopicPartition tp, String key) {
    String prefix = prefix(tp);
    if (!key.startsWith(prefix) || !key.endsWith(SUFFIX) || key.length() < prefix.length() + SUFFIX.length()) {
      return OptionalLong.empty();
    }
    String digits = key.substring(prefix.length(), key.length() - SUFFIX.length());
    boolean number = !digits.isEmpty() && digits.length() <= 18 && digits.chars().allMatch(c -> c >= '0' && c <= '9');
    return number ? OptionalLong.of(Long.parseLong(digits)) : OptionalLong.empty();
  }
}
