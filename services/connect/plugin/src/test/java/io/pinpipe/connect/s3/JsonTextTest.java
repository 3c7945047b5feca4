package io.pinpipe.connect.s3;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.charset.Charset;
import java.nio.charset.StandardCharsets;
import org.apache.kafka.connect.errors.DataException;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

@DisplayName("JsonText")
class JsonTextTest {

  @ParameterizedTest
  @ValueSource(strings = {
    "{}", "[]", "0", "-0.0e+10", "null", "true", "\"\"", "\"a\\u0000\\ud800\"", " {\"a\" : [1, 2]}\t\r ",
    "{\"a\":1,\"a\":2}", "1e999999", "\"…\u00a0\ud83d\ude00\"", "[[[[[[]]]]]]"
  })
  void anyJsonValuePassesAsTheSameBytes(String value) {
    byte[] bytes = value.getBytes(StandardCharsets.UTF_8);
    assertSame(bytes, JsonText.line(bytes));
  }

  @ParameterizedTest
  @ValueSource(strings = {
    "", " ", "\n", "{", "}", "{\"a\":}", "{'a':1}", "{a:1}", "[1,]", "{\"a\":1,}", "01", "+1", ".5", "1.", "1e", "NaN",
    "[NaN]", "Infinity", "-Infinity", "nul", "True", "{} {}", "{}x", "1 2", "12abc", "\"a", "\"\t\"", "\"\\x\"",
    "\"a\nb\"", "/* c */ 1", "// c\n1", "[1 2]", "undefined", "\ufeff{}", "\"\\u12\"", "[1]]", "{\"a\" 1}", "\u00a0{}"
  })
  void anythingElseIsRefused(String value) {
    assertThrows(DataException.class, () -> JsonText.line(value.getBytes(StandardCharsets.UTF_8)));
  }

  @Test
  void bytesThatAreNotUtf8AreRefused() {
    byte[][] values = {
      {'"', (byte) 0xff, '"'}, {'"', (byte) 0xc0, (byte) 0x80, '"'}, // overlong
      {'"', (byte) 0xed, (byte) 0xa0, (byte) 0x80, '"'}, // a surrogate
      {'"', (byte) 0xe2, (byte) 0x82, '"'}, "{}".getBytes(StandardCharsets.UTF_16LE),
      "{}".getBytes(StandardCharsets.UTF_16), "{}".getBytes(Charset.forName("UTF-32LE")),
    };
    for (byte[] value : values) {
      assertThrows(DataException.class, () -> JsonText.line(value));
    }
  }

  @Test
  void lineFeedsBetweenTokensBecomeBlanksAndNothingElseChanges() {
    byte[] value = "{\n\"a\": \"x\\n\",\r\n\t\"b\":\n1}\n".getBytes(StandardCharsets.UTF_8);
    byte[] before = value.clone();
    assertEquals("{ \"a\": \"x\\n\",\r \t\"b\": 1} ", new String(JsonText.line(value), StandardCharsets.UTF_8));
    assertArrayEquals(before, value, "the record's own bytes stay, another task of Connect's may look at them");
  }

  @Test
  void depthAndLengthHaveNoBound() {
    String deep = "[".repeat(100_000) + "]".repeat(100_000);
    String number = "1".repeat(100_000);
    String text = "\"" + "a".repeat(30_000_000) + "\"";
    for (String value : new String[] {deep, number, "[" + number + ".5]", text}) {
      byte[] bytes = value.getBytes(StandardCharsets.UTF_8);
      assertSame(bytes, JsonText.line(bytes));
    }
  }

  @Test
  void theMessageIsOneLineThatSaysWhatIsWrong() {
    DataException e = assertThrows(DataException.class, () -> JsonText.line("{x".getBytes(StandardCharsets.UTF_8)));
    assertTrue(e.getMessage().startsWith("the value is not JSON: "), e.getMessage());
    assertEquals(1, e.getMessage().lines().count());
  }
}
