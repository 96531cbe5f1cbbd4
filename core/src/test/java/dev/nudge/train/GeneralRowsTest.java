package dev.nudge.train;

import static org.assertj.core.api.Assertions.assertThat;

import dev.nudge.data.ChatRows;
import dev.nudge.data.Dataset;
import dev.nudge.data.TokenCache;
import dev.nudge.format.Json;
import dev.nudge.settings.TrainOn;
import dev.nudge.settings.train.ObjectiveSettings;
import dev.nudge.settings.train.TrainSettings;
import dev.nudge.text.Tokenizer;
import dev.nudge.text.chat.ChatTemplate;
import dev.nudge.train.replay.Replay;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/// The rows of `--replay default`.
class GeneralRowsTest {
  private static final int TEXTS = 128;
  private static final int CHATS = 272;

  @TempDir Path temp;

  private static Dataset read(@Nullable String template, String... replay) {
    ObjectiveSettings settings =
        TrainSettings.of(Map.of("model", "m", "data", "d", "out", "o", "replay", List.of(replay)))
            .objective();
    Tokenizer tokenizer = Tokenizer.load(TinyRun.TIED);
    ChatRows chat = ChatRows.of(TinyRun.TIED, null, template, TrainOn.ASSISTANT, tokenizer);
    return Replay.read(settings, template, 100_000, tokenizer, chat, TokenCache.none());
  }

  static Stream<String> templates() {
    return ChatTemplate.knownNames().stream();
  }

  @ParameterizedTest
  @MethodSource("templates")
  void everyTemplateTakesThem(String name) {
    assertThat(read(name, "default").rows()).isEqualTo(TEXTS + CHATS);
  }

  @Test
  void withoutATemplateTheyAreTexts() throws IOException {
    assertThat(read(null, "default").rows()).isEqualTo(TEXTS);
    Path own = Files.writeString(temp.resolve("own.jsonl"), "{\"text\": \"The pump leaks.\"}\n");
    assertThat(read(null, own.toString(), "default").rows()).isEqualTo(TEXTS + 1);
  }

  @Test
  void aRunKeepsTheirDigest() throws IOException {
    Path rows = TinyRun.preferences(temp.resolve("rows.jsonl"), 12, 60, 1);
    TrainSettings settings =
        TinyRun.settings(
            TinyRun.TIED,
            rows,
            temp.resolve("out"),
            "objective dpo steps 2 replay default replay_weight 2");
    Training.run(Training.prepare(settings, TinyRun.MACHINE), event -> {}, () -> false);
    assertThat(TinyRun.metrics(temp.resolve("out"), "replay_kl")).hasSize(2);
    assertThat(TinyRun.record(temp.resolve("out")).at("/digests/replay").asString())
        .isEqualTo(Replay.digest(settings.objective()))
        .startsWith("sha256:");
    assertThat(TinyRun.record(temp.resolve("out")).at("/settings/replay"))
        .isEqualTo(Json.parse("[\"default\"]"));
    assertThat(Training.finished(settings)).isTrue();
  }
}
