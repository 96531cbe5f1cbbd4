package dev.nudge.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.nudge.format.StoredType;
import dev.nudge.kernel.Kernels;
import dev.nudge.model.BnbFiles.Part;
import dev.nudge.settings.InputException;
import dev.nudge.settings.verb.QuantizeSettings;
import dev.nudge.tensor.Ledger;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// Writes NF4 as bitsandbytes does, and only where it may.
class QuantizedFolderTest {
  @TempDir private Path temp;

  private static QuantizedFolder.Written write(Path model, Path out, Object... keysAndValues) {
    Map<String, Object> values = new HashMap<>(Map.of("model", model, "out", out));
    for (int i = 0; i < keysAndValues.length; i += 2) {
      values.put((String) keysAndValues[i], keysAndValues[i + 1]);
    }
    return Objects.requireNonNull(
        QuantizedFolder.prepare(QuantizeSettings.of(values)).write(Kernels.fastest(), () -> false));
  }

  private static List<String> names(Path folder) throws IOException {
    try (Stream<Path> files = Files.list(folder)) {
      return files.map(f -> f.getFileName().toString()).sorted().toList();
    }
  }

  @Test
  void theFilesAreThoseThatTransformersWrites() throws IOException {
    Path out = temp.resolve("a/b");
    QuantizedFolder.Written written = write(BnbFiles.SOURCE, out);
    for (String name : List.of("model.safetensors", "config.json", "generation_config.json")) {
      Path golden = BnbFiles.DOUBLE.resolve(name);
      if (name.equals("config.json")) {
        assertThat(Files.readString(out.resolve(name))).isEqualTo(Files.readString(golden));
      }
      assertThat(Files.mismatch(out.resolve(name), golden)).as(name).isEqualTo(-1);
    }
    assertThat(written.layers()).isEqualTo(7);
    assertThat(names(out))
        .containsExactly(
            "config.json", "generation_config.json", "model.safetensors", "nudge.json");
    assertThat(Ledger.bytes()).isZero();
  }

  @Test
  void withoutDoubleQuantisationTheTensorsAreThoseOfBitsandbytes() {
    write(BnbFiles.SOURCE, temp, "double_quant", false, "overwrite", true);
    Map<String, Part> golden = new TreeMap<>();
    BnbFiles.each(BnbFiles.PLAIN, golden::put);
    Map<String, Part> ours = new TreeMap<>();
    BnbFiles.each(temp, ours::put);
    String left = "model.layers.0.mlp.down_proj";
    golden.forEach(
        (name, part) -> {
          boolean quantised = name.contains("_proj") && !name.startsWith(left);
          if (quantised && !name.contains("quant_state")) { // which tells the source's type
            assertThat(Objects.requireNonNull(ours.get(name)).bytes())
                .as(name)
                .isEqualTo(part.bytes());
          }
        });
    assertThat(Objects.requireNonNull(ours.get(left + ".weight")).entry().type())
        .isEqualTo(StoredType.U8);
    assertThat(ours).hasSize(5 + 7 * 4);
  }

  @Test
  void aFolderIsReplacedOnlyWhereNudgeWroteItAndOverwriteSaysSo() throws IOException {
    Path out = temp.resolve("out");
    write(BnbFiles.SOURCE, out);
    Files.writeString(out.resolve("notes.txt"), "mine");
    assertThatThrownBy(() -> write(BnbFiles.SOURCE, out))
        .isInstanceOf(InputException.class)
        .hasMessage(
            "--out " + out + " holds a quantised model; give another folder, or --overwrite");
    write(BnbFiles.SOURCE, out, "overwrite", true, "double_quant", false);
    assertThat(Files.readString(out.resolve("notes.txt"))).isEqualTo("mine");
    assertThat(Files.readString(out.resolve("config.json")))
        .contains("\"bnb_4bit_use_double_quant\": false");
  }

  @Test
  void anAdapterIsNeverTouched() throws IOException {
    Path adapter = Files.createDirectories(temp.resolve("adapter"));
    Files.writeString(adapter.resolve("adapter_config.json"), "{}");
    Files.writeString(adapter.resolve("nudge.json"), "{\"quantization\": {}}");
    assertThatThrownBy(() -> write(BnbFiles.SOURCE, adapter, "overwrite", true))
        .isInstanceOf(InputException.class)
        .hasMessage("--out " + adapter + " holds an adapter; give another folder");
    assertThat(adapter.resolve("nudge.json")).hasContent("{\"quantization\": {}}");
  }

  @Test
  void aModelThatNudgeDidNotWriteIsNeverTouched() throws IOException {
    Path model = BnbFiles.changed(BnbFiles.SOURCE, temp.resolve("model"), parts -> {});
    byte[] before = Files.readAllBytes(model.resolve("model.safetensors"));
    for (boolean overwrite : List.of(false, true)) {
      assertThatThrownBy(() -> write(model, model, "overwrite", overwrite))
          .isInstanceOf(InputException.class)
          .hasMessage("--out " + model + " is the --model folder; give another folder");
      assertThatThrownBy(() -> write(BnbFiles.SOURCE, model, "overwrite", overwrite))
          .isInstanceOf(InputException.class)
          .hasMessage(
              "--out " + model + " holds a model that nudge did not write; give another folder");
    }
    assertThat(Files.readAllBytes(model.resolve("model.safetensors"))).isEqualTo(before);
    Path file = Files.writeString(temp.resolve("file"), "x");
    assertThatThrownBy(() -> write(model, file.resolve("out")))
        .isInstanceOf(InputException.class)
        .hasMessageContaining("cannot be made: ");
    Path full = Files.createDirectory(temp.resolve("full"));
    Files.writeString(full.resolve("notes.txt"), "mine");
    assertThatThrownBy(() -> write(model, full)).hasMessageContaining("is not empty");
  }

  @Test
  void whatIsCancelledOrFailsLeavesNothing() throws IOException {
    Path out = temp.resolve("out");
    QuantizeSettings settings = QuantizeSettings.of(Map.of("model", BnbFiles.SOURCE, "out", out));
    int[] asked = new int[1];
    assertThat(
            QuantizedFolder.prepare(settings)
                .write(
                    Kernels.plain(),
                    () -> {
                      synchronized (asked) {
                        return ++asked[0] > 9; // in the second pass
                      }
                    }))
        .isNull();
    assertThat(out).doesNotExist();
    assertThat(Ledger.bytes()).isZero();
  }

  @Test
  void asManyLayersAreQuantisedAtATimeAsHalfAGibibyteHolds() {
    assertThat(QuantizedFolder.sideBySide(100 << 20, 2)).isEqualTo(2);
    assertThat(QuantizedFolder.sideBySide(100 << 20, 256)).isEqualTo(5);
    assertThat(QuantizedFolder.sideBySide(1L << 40, 256)).isEqualTo(1);
    assertThat(QuantizedFolder.sideBySide(0, 3)).isEqualTo(3);
  }

  @Test
  void quantisedOrOtherWeightsAreRefused() throws IOException {
    assertThatThrownBy(() -> write(BnbFiles.DOUBLE, temp.resolve("out")))
        .isInstanceOf(InputException.class)
        .hasMessageEndingWith(
            "model.layers.0.self_attn.q_proj.weight is stored in nf4 already; a dense model is"
                + " needed");
    assertThat(temp.resolve("out")).doesNotExist();
  }
}
