package dev.nudge.data;

import static org.assertj.core.api.Assertions.assertThat;

import dev.nudge.settings.DataSettings;
import dev.nudge.text.TinyTokenizers;
import dev.nudge.text.Tokenizer;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class AskedRowsTest {
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
    AskedRows asked = AskedRows.of(DataSettings.of(List.of(file.toString())), 2, 100, tokenizer);
    assertThat(asked.rows()).hasSize(2);
    assertThat(asked.bytes()).containsExactly(2, 2);
    assertThat(asked.solved())
        .extracting(example -> tokenizer.decode(example.ids(), true))
        .containsExactly("a 1\n\nb 2\n\nc 3\n\nd 4é", "a 1\n\nb 2\n\nc 3\n\ne 5");
    Example first = asked.solved().getFirst();
    assertThat(first.trainedTokens()).isEqualTo(4); // blank, 4, two bytes of é; no end token
    assertThat(first.trained(first.length() - 1)).isTrue();
    assertThat(first.trained(first.length() - 5)).isFalse();
    assertThat(AskedRows.of(DataSettings.of(List.of(file.toString())), 2, 9, tokenizer).solved())
        .isEmpty(); // too long
  }

  @Test
  void aTextIsAnAnswerToNothing() throws IOException {
    Tokenizer tokenizer = Tokenizer.load(TinyTokenizers.byteLevel(folder, false));
    Path file = Files.writeString(folder.resolve("rows.jsonl"), "{\"text\": \"é b\"}\n".repeat(9));
    AskedRows asked = AskedRows.of(DataSettings.of(List.of(file.toString())), 5, 100, tokenizer);
    assertThat(asked.rows()).hasSize(5);
    assertThat(asked.solved()).isEmpty();
    assertThat(asked.bytes()).containsExactly(4, 4, 4, 4, 4);
  }
}
