package dev.nudge.data;

import static org.assertj.core.api.Assertions.assertThat;

import dev.nudge.settings.DataSettings;
import dev.nudge.settings.LengthSettings;
import dev.nudge.settings.ShapeSettings;
import dev.nudge.settings.TrainOn;
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

class JointsTest {
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
  void aSpaceIsExpectedBetweenWords(String prompt, String completion, boolean tight) {
    assertThat(Joints.isTight(prompt, completion)).isEqualTo(tight);
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

  private Joints joints(String... rows) throws IOException {
    Files.write(folder.resolve("rows.jsonl"), List.of(rows));
    Tokenizer tokenizer = Tokenizer.load(TinyTokenizers.byteLevel(folder.resolve("model"), true));
    DataSettings data = settings(null);
    return Dataset.load(data, new LengthSettings(false, false), 100, tokenizer).joints();
  }

  @Test
  void allRowsDecideAndTokensThatHavePartsOfBothAreCounted() throws IOException {
    String apart = "{\"prompt\": \"h\", \"completion\": \" e\"}";
    String tight = "{\"prompt\": \"h\", \"completion\": \"e\"}"; // 'he' is one token
    assertThat(joints(tight, tight, apart)).isEqualTo(new Joints(3, 2, 2));
    assertThat(joints(tight, apart, "{\"text\": \"he\"}")).isEqualTo(new Joints(2, 1, 1));
  }

  @Test
  void moreThanHalfOfTheRowsAreWarnedOfWithWhatMendsThem() {
    assertThat(new Joints(4, 2, 0).line(settings(null))).isNull();
    assertThat(new Joints(0, 0, 0).line(settings(null))).isNull();
    assertThat(new Joints(4, 3, 0).line(settings(null)))
        .isEqualTo(
            "in 3 of 4 rows no space stands between prompt and completion; --completion ' {completion}' puts one there");
    assertThat(new Joints(4, 3, 1).line(settings("{label}")))
        .isEqualTo(
            "in 3 of 4 rows no space stands between prompt and completion, and in 1 one token has a part of both; --completion ' {label}' puts one there");
  }
}
