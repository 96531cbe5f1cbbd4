package dev.nudge.data;

import static org.assertj.core.api.Assertions.assertThat;

import dev.nudge.data.tokens.Example;
import dev.nudge.settings.verb.DataSettings;
import dev.nudge.text.TinyTokenizers;
import dev.nudge.text.Tokenizer;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ProbeRowsTest {
  @TempDir Path folder;

  @Test
  void aRowIsAskedBehindThreeSolvedOnesAndItsAnswerAloneCounts() throws IOException {
    Tokenizer tokenizer = Tokenizer.load(TinyTokenizers.byteLevel(folder, true));
    Path file =
        Files.writeString(
            folder.resolve("rows.jsonl"),
            """
            {"prompt": "a", "completion": " 1"}
            {"prompt": "broken"}
            {"prompt": "b", "completion": " 2"}
            {"prompt": "c", "completion": " 3"}
            {"prompt": "d", "completion": " 4é"}
            {"messages": [{"role": "user", "content": "x"}, {"role": "assistant", "content": "y"}]}
            {"prompt": "e", "completion": " 5"}
            {"prompt": "f", "completion": " 6"}
            """);
    ProbeRows asked = ProbeRows.of(DataSettings.of(List.of(file.toString())), 9, 100, tokenizer);
    assertThat(asked.rows()).hasSize(6);
    assertThat(asked.rows())
        .extracting(example -> tokenizer.decode(example.ids(), true))
        .containsExactlyInAnyOrder("a 1", "b 2", "c 3", "d 4é", "e 5", "f 6");
    assertThat(asked.bytes()).isEqualTo(6 * 3 + 2);
    assertThat(asked.rows()).allMatch(row -> row.trainedTokens() == row.length() - 1);
    assertThat(asked.solved()).hasSize(3);
    for (Example row : asked.solved()) {
      String text = tokenizer.decode(row.ids(), true);
      assertThat(text).matches("([a-f] \\dé?\n\n){3}[a-f] \\dé?");
      assertThat(row.trainedTokens()).isEqualTo(text.endsWith("é") ? 4 : 2); // no end token
      assertThat(row.trained(row.length() - 1)).isTrue();
      assertThat(row.trained(row.length() - 5)).isFalse();
    }
    assertThat(ProbeRows.of(DataSettings.of(List.of(file.toString())), 9, 9, tokenizer).solved())
        .isEmpty(); // too long
  }

  @Test
  void rowsAreDrawnFromAllOfThem() throws IOException {
    Tokenizer tokenizer = Tokenizer.load(TinyTokenizers.byteLevel(folder, false));
    String rows =
        IntStream.range(0, 1_000)
            .mapToObj(i -> "{\"prompt\": \"a\", \"completion\": \" " + i / 100 + "\"}\n")
            .collect(Collectors.joining());
    Path file = Files.writeString(folder.resolve("rows.jsonl"), rows);
    ProbeRows asked = ProbeRows.of(DataSettings.of(List.of(file.toString())), 60, 99, tokenizer);
    assertThat(asked.solved()).hasSize(60);
    assertThat(asked.rows())
        .hasSize(60)
        .extracting(example -> tokenizer.decode(example.ids(), true))
        .contains("a 0", "a 1", "a 2", "a 3", "a 4", "a 5", "a 6", "a 7", "a 8", "a 9");
  }

  @Test
  void aTextIsAnAnswerToNothing() throws IOException {
    Tokenizer tokenizer = Tokenizer.load(TinyTokenizers.byteLevel(folder, false));
    Path file = Files.writeString(folder.resolve("rows.jsonl"), "{\"text\": \"é b\"}\n".repeat(9));
    ProbeRows asked = ProbeRows.of(DataSettings.of(List.of(file.toString())), 5, 100, tokenizer);
    assertThat(asked.rows()).hasSize(5);
    assertThat(asked.solved()).isEmpty();
    assertThat(asked.bytes()).isEqualTo(20);
  }
}
