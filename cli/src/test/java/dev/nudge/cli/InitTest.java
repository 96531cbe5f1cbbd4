package dev.nudge.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class InitTest {
  @TempDir Path folder;

  @Test
  void aFreshModelGenerates() throws IOException {
    Place place = Place.in(folder);
    Ran made = place.init("--tokenizer-data", "D/rows.jsonl", "--vocab-size", "261", "--json");
    assertThat(made.code()).isZero();
    assertThat(made.out()).contains("\"vocabulary\":261", "\"merges\":4");
    Ran answered =
        place.answer("generate", "--model", "D/out", "--prompt", "pump", "--max-tokens", "3");
    assertThat(answered.code()).isZero();
  }

  @Test
  void notesSayWhatWasMade() throws IOException {
    Place place = Place.in(folder);
    assertThat(place.init().err()).contains("no tokenizer; --tokenizer-data makes one");
    Ran made =
        place.init("--out", "D/again", "--tokenizer-data", "D/rows.jsonl", "--vocab-size", "260");
    assertThat(made.err())
        .contains("tokenizer: 260 tokens, 3 merges; vocab_size of its config.json is 260");
  }
}
