package dev.nudge.data.rows;

import static org.assertj.core.api.Assertions.assertThat;

import dev.nudge.data.Dataset;
import dev.nudge.data.TokenCache;
import dev.nudge.settings.TrainOn;
import dev.nudge.settings.verb.DataSettings;
import dev.nudge.settings.verb.LengthSettings;
import dev.nudge.settings.verb.ShapeSettings;
import dev.nudge.text.TinyTokenizers;
import dev.nudge.text.Tokenizer;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class PromptBoundaryTest {
  @TempDir Path folder;

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '`',
      value = {
        "Team:|water|true",
        "`Team: `|water|false",
        "Team:|` water`|false",
        "`Team:\n`|water|false",
        "why?|Because|true",
        "(yes)|no|true",
        "one two|three|true",
        "5|five|true",
        "Team:|7|false", // a number may follow a mark or a sign
        "Team:|{}|false",
        "(|yes|false",
        "`{\"team\": \"`|water|false",
        "http://|example|false",
        "<|assistant|false",
        "質問:|答え|false",
        "質問|yes|false",
        "вопрос:|ответ|true",
        "질문:|대답|true",
        "``|yes|false"
      })
  void aSpaceIsExpectedBetweenWords(String prompt, String completion, boolean lacksSpace) {
    assertThat(PromptBoundary.lacksSpace(prompt, completion)).isEqualTo(lacksSpace);
  }

  private DataSettings settings(@Nullable String completion) {
    return new DataSettings(
        List.of(folder.resolve("rows.jsonl").toString()),
        null,
        completion,
        ShapeSettings.RECOGNISED,
        TrainOn.ASSISTANT,
        false);
  }

  private PromptBoundary boundary(String... rows) throws IOException {
    Files.write(folder.resolve("rows.jsonl"), List.of(rows));
    Tokenizer tokenizer = Tokenizer.load(TinyTokenizers.byteLevel(folder.resolve("model"), true));
    LengthSettings whole = new LengthSettings(false, false);
    return Dataset.load(settings(null), whole, 100, tokenizer, null, TokenCache.none()).boundary();
  }

  @Test
  void allRowsDecideAndTokensThatHavePartsOfBothAreCounted() throws IOException {
    String apart = "{\"prompt\": \"h\", \"completion\": \" e\"}";
    String without = "{\"prompt\": \"h\", \"completion\": \"e\"}"; // 'he' is one token
    assertThat(boundary(without, without, apart)).isEqualTo(new PromptBoundary(3, 2, 2));
    assertThat(boundary(without, apart, "{\"text\": \"he\"}"))
        .isEqualTo(new PromptBoundary(2, 1, 1));
  }

  @Test
  void moreThanHalfOfTheRowsAreWarnedOfWithWhatMendsThem() {
    assertThat(new PromptBoundary(4, 2, 0).advice(settings(null))).isNull();
    assertThat(new PromptBoundary(0, 0, 0).advice(settings(null))).isNull();
    assertThat(new PromptBoundary(4, 3, 0).advice(settings(null)))
        .isEqualTo(
            "in 3 of 4 rows no space stands between prompt and completion; --completion '"
                + " {completion}' puts one there");
    assertThat(new PromptBoundary(4, 3, 1).advice(settings("{label}")))
        .isEqualTo(
            "in 3 of 4 rows no space stands between prompt and completion, and in 1 one token has a"
                + " part of both; --completion ' {label}' puts one there");
  }
}
