package dev.nudge.format;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.nudge.settings.InputException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import tools.jackson.core.JacksonException;

/// Holds how values are written, and what is said of a file that is not JSON.
class JsonTest {
  @TempDir Path folder;

  private enum Kind {
    TWO_WORDS
  }

  private record Row(long rowIndex, Path folder, Kind kind, double value) {}

  @Test
  void recordsAreSnakeCaseWithPathsAsTextAndEnumsInLowerCase() {
    assertThat(Json.line(new Row(1, Path.of("a/é"), Kind.TWO_WORDS, 1e-5)))
        .isEqualTo("{\"row_index\":1,\"folder\":\"a/é\",\"kind\":\"two_words\",\"value\":1.0E-5}");
  }

  @Test
  void anIndentedObjectHasALineForEachKeyAndReadsBackAsPlainValues() {
    String text = Json.indented(Map.of("Key", 3));
    assertThat(text).isEqualTo("{\n  \"Key\" : 3\n}");
    assertThat(Json.plain(Json.parse(text))).isEqualTo(Map.of("Key", 3));
  }

  @ParameterizedTest
  @ValueSource(strings = {"{\"a\": 1, \"a\": 2}", "{} x", "{"})
  void aStrictTextHasEachKeyOnceAndNothingBehindIt(String text) {
    assertThatThrownBy(() -> Json.parseStrictly(text)).isInstanceOf(JacksonException.class);
    assertThatThrownBy(() -> Json.parseStrictly(text.getBytes()))
        .isInstanceOf(JacksonException.class);
  }

  @Test
  void aFileThatIsNotJsonIsRefusedByNameOrMissing() throws IOException {
    Path file = Files.writeString(folder.resolve("a.json"), "{\"a\" 1}");
    assertThatThrownBy(() -> Json.read(file))
        .isInstanceOf(InputException.class)
        .hasMessage(file + " is not JSON, line 1, column 6: '1' stands where a colon is needed");
    assertThatThrownBy(() -> Json.read(file, "so nothing is known; give another"))
        .isInstanceOf(InputException.class)
        .hasMessage(file + " cannot be read, so nothing is known; give another");
    assertThat(Json.readOrMissing(file).isMissingNode()).isTrue();
  }

  @Test
  void aFileThatIsNotThereIsRefusedByNameOrMissing() {
    Path file = folder.resolve("none.json");
    assertThatThrownBy(() -> Json.read(file))
        .isInstanceOf(InputException.class)
        .hasMessageStartingWith(file + " cannot be read: ");
    assertThat(Json.readOrMissing(file).isMissingNode()).isTrue();
  }
}
