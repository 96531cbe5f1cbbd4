package dev.nudge.train;

import static org.assertj.core.api.Assertions.assertThat;

import dev.nudge.settings.train.TrainSettings;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/// Makes the same run twice, the first time in code that is hardly compiled: the same plan gives
/// the same bytes.
class SameBytesTest {
  @TempDir private Path temp;

  @ParameterizedTest
  @ValueSource(strings = {"auto", "fp32"}) // auto: bf16 where the processor has it
  void twoRunsLeaveTheSameBytes(String compute) throws IOException {
    Path data = TinyRun.rows(temp.resolve("rows.jsonl"), 61, 200, 1);
    Path held = TinyRun.rows(temp.resolve("held.jsonl"), 17, 200, 2);
    Path first = temp.resolve("first");
    Path second = temp.resolve("second");
    for (Path out : List.of(first, second)) {
      TrainSettings settings =
          TinyRun.settings(
              TinyRun.TIED,
              data,
              out,
              "lanes 2 dropout 0.2 rank 4 batch_size 8 steps 30 learning_rate 0.02"
                  + " eval_steps 7",
              "compute",
              compute,
              "eval_data",
              held.toString());
      TinyRun.run(settings);
    }
    for (String file :
        List.of(
            "adapter_model.safetensors",
            "adapter_config.json",
            "last/adapter_model.safetensors",
            "tokenizer.json")) {
      assertThat(Files.exists(second.resolve(file))).isEqualTo(Files.exists(first.resolve(file)));
      if (Files.exists(first.resolve(file))) {
        assertThat(second.resolve(file)).hasSameBinaryContentAs(first.resolve(file));
      }
    }
    for (String column :
        List.of(
            "loss", "lr", "grad_norm", "tokens", "trained_tokens", "eval_loss", "eval_tokens")) {
      assertThat(column(second, column)).as(column).isEqualTo(column(first, column)).isNotEmpty();
    }
    assertThat(column(first, "loss")).hasSize(30);
    assertThat(column(first, "eval_loss")).hasSize(6); // before, 7, 14, 21, 28 and the end
  }

  private static List<String> column(Path out, String name) throws IOException {
    return TinyRun.metrics(out, name).stream().map(line -> line.get(name).toString()).toList();
  }
}
