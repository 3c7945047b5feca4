package io.pinpipe.connect.s3;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.StreamReadConstraints;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.CharBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import org.apache.kafka.connect.errors.DataException;

/** Checks that bytes are exactly one JSON value (RFC 8259), and makes one line of them. */
final class JsonText {
  /** Jackson bounds depth and lengths to protect those who build trees; nothing is built here. */
  private static final JsonFactory FACTORY =
      JsonFactory.builder()
          .streamReadConstraints(
              StreamReadConstraints.builder()
                  .maxNestingDepth(Integer.MAX_VALUE)
                  .maxNumberLength(Integer.MAX_VALUE)
                  .maxStringLength(Integer.MAX_VALUE)
                  .maxNameLength(Integer.MAX_VALUE)
                  .build())
          // names are never looked up again
          .disable(JsonFactory.Feature.CANONICALIZE_FIELD_NAMES)
          .build();

  private JsonText() {}

  /**
   * The same bytes, with a blank for every line feed: in valid JSON a line feed can only be white space between tokens.
   *
   * @throws DataException when the bytes are not exactly one JSON value in UTF-8
   */
  static byte[] line(byte[] value) {
    check(value);
    byte[] line = value;
    for (int i = 0; i < value.length; i++) {
      if (value[i] == '\n') {
        if (line == value) {
          line = value.clone();
        }
        line[i] = ' ';
      }
    }
    return line;
  }

  private static void check(byte[] value) {
    if (value.length == 0) {
      throw new DataException("the value is empty: expected one JSON value");
    }
    // decoded here, because Jackson guesses UTF-16 and UTF-32 and lets some malformed UTF-8 pass
    CharBuffer text;
    try {
      text = StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(value));
    } catch (CharacterCodingException e) {
      throw new DataException("the value is not valid UTF-8", e);
    }
    try (JsonParser parser = FACTORY.createParser(text.array(), text.arrayOffset(), text.length())) {
      if (parser.nextToken() == null) {
        throw new DataException("the value is blank: expected one JSON value");
      }
      parser.skipChildren();
      parser.finishToken();
      if (parser.currentToken() == null || parser.nextToken() != null) {
        throw new DataException("the value holds more than one JSON value");
      }
    } catch (IOException e) {
      throw new DataException("the value is not JSON: " + firstLine(e.getMessage()), e);
    }
  }

  private static String firstLine(String text) {
    return text.lines().findFirst().orElse("");
  }
}
