package dev.nudge.engine;

import static org.assertj.core.api.Assertions.assertThat;

import dev.nudge.Backends;
import dev.nudge.Seeds;
import dev.nudge.adapter.NamedAdapters;
import dev.nudge.model.CausalLm;
import dev.nudge.model.Checkpoint;
import dev.nudge.model.GoldenFamilies;
import dev.nudge.model.family.ModelConfig;
import dev.nudge.settings.verb.Compute;
import dev.nudge.tensor.Tensor;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/// Families that turn long sequences otherwise than short ones: sequences below, across and above
/// the border say together what they say alone, and none waits for ever.
class BorderTest {
  private static final int ANSWER = 12;

  static Stream<Path> models() throws IOException {
    return GoldenFamilies.models().stream()
        .filter(folder -> ModelConfig.load(folder).turnsAnew(1, 100_000));
  }

  private static int border(ModelConfig config) {
    int border = 1;
    while (!config.turnsAnew(1, border + 1)) {
      border++;
    }
    return border;
  }

  /// With a border of 160, so that prompts on both sides of it share blocks of keys, or would.
  @ParameterizedTest
  @MethodSource("models")
  void keysThatAreTurnedOtherwiseAreNotShared(Path folder, @TempDir Path raised)
      throws IOException {
    for (String file : List.of("config.json", "model.safetensors")) {
      Files.copy(folder.resolve(file), raised.resolve(file));
    }
    String config = Files.readString(folder.resolve("config.json"));
    Files.writeString(
        raised.resolve("config.json"),
        config
            .replaceAll("(max_position_embeddings\": *)32\\b", "$1160")
            .replaceAll("(\"max_position_embeddings\": *)128\\b", "$1640"));
    assertThat(border(ModelConfig.load(raised))).isEqualTo(160);
    sequencesAroundTheBorderSayTogetherWhatTheySayAlone(raised);
  }

  @ParameterizedTest
  @MethodSource("models")
  void sequencesAroundTheBorderSayTogetherWhatTheySayAlone(Path folder) {
    ModelConfig config = ModelConfig.load(folder);
    int border = border(config);
    Random random = new Random(Seeds.next());
    int[] start = random.ints(border + 900, 0, config.vocabSize()).toArray();
    int[] lengths = {
      border + 40, border - 5, Math.max(2, border / 2), border + 700, 3, border - ANSWER - 1
    };
    try (CausalLm model = Checkpoint.load(folder, config, Backends.of(Compute.FP32));
        NamedAdapters none = new NamedAdapters(model.modules(), model.backend().compute())) {
      List<List<Float>> alone = new ArrayList<>();
      for (int length : lengths) {
        alone.addAll(said(model, none, start, length));
      }
      assertThat(said(model, none, start, lengths)).isEqualTo(alone);
    }
  }

  /// What was read for one is there for the next, as far as it turns alike.
  @ParameterizedTest
  @MethodSource("models")
  void sequencesOneAfterTheOtherSayWhatTheySayAlone(Path folder) {
    ModelConfig config = ModelConfig.load(folder);
    int border = border(config);
    Random random = new Random(Seeds.next());
    int[] start = random.ints(border + 900, 0, config.vocabSize()).toArray();
    int[] lengths = {
      Math.max(2, border / 2), border + 40, border - 5, border + 700, border - ANSWER - 1
    };
    try (CausalLm model = Checkpoint.load(folder, config, Backends.of(Compute.FP32));
        NamedAdapters none = new NamedAdapters(model.modules(), model.backend().compute());
        Engine warm = new Engine(model, none, new Limits(2, 64 << 20, 256, true))) {
      warm.keepKeys();
      for (int length : lengths) {
        List<List<Float>> alone = said(model, none, start, length);
        assertThat(said(warm, start, length)).as("%d tokens", length).isEqualTo(alone);
      }
    }
  }

  private static List<List<Float>> said(
      CausalLm model, NamedAdapters none, int[] start, int... lengths) {
    try (Engine engine = new Engine(model, none, new Limits(2, 64 << 20, 256, true))) {
      return said(engine, start, lengths);
    }
  }

  private static List<List<Float>> said(Engine engine, int[] start, int... lengths) {
    List<List<Float>> all = new ArrayList<>();
    List<Ticket> tickets = new ArrayList<>();
    for (int length : lengths) {
      List<Float> logits = new ArrayList<>();
      all.add(logits);
      int[] prompt = Arrays.copyOf(start, length);
      tickets.add(
          engine.submit(
              prompt,
              length + ANSWER,
              null,
              (Tensor rows, int row, int[] ids, int count) -> {
                logits.add((float) rows.get(row, 1));
                return count == length + ANSWER - 1 ? Caller.END : count % 40;
              }));
    }
    tickets.forEach(Ticket::await);
    return all;
  }
}
