package dev.nudge.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.nudge.format.SafeTensors;
import dev.nudge.kernel.Kernels;
import dev.nudge.nn.Parameter;
import dev.nudge.settings.RunException;
import dev.nudge.tensor.Dtype;
import dev.nudge.tensor.Scope;
import dev.nudge.tensor.Tensor;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/// Writes the golden models anew: the same files, names and types, and only those numbers changed
/// that are asked for.
class ModelFolderTest {
  private static final Path GOLDEN = Path.of("src/test/resources/golden/llama");

  @TempDir private Path temp;

  private static Map<String, byte[]> files(Path folder) throws IOException {
    Map<String, byte[]> files = new TreeMap<>();
    try (Stream<Path> all = Files.list(folder)) {
      for (Path file : all.toList()) {
        files.put(file.getFileName().toString(), Files.readAllBytes(file));
      }
    }
    return files;
  }

  @ParameterizedTest
  @ValueSource(strings = {"grouped-tied", "biased-sharded", "minimal-f16", "multi-query-bf16"})
  void withoutChangesTheFolderIsTheSameBytes(String name) throws IOException {
    Path base = GOLDEN.resolve(name).resolve("model");
    Path out = temp.resolve("a/b");
    ModelFolder.write(base, out, List.of(), Kernels.fastest());
    assertThat(files(out)).containsExactlyEntriesOf(files(base));
    assertThat(ModelFolder.names(out)).containsAll(files(base).keySet());
  }

  @ParameterizedTest
  @ValueSource(strings = {"grouped-tied", "biased-sharded", "minimal-f16", "multi-query-bf16"})
  void changedNumbersAreRoundedOnceToTheStoredType(String name) throws IOException {
    Path base = GOLDEN.resolve(name).resolve("model");
    Path out = temp.resolve("out");
    Random random = new Random(4);
    try (Scope scope = Scope.open("parameters");
        SafeTensors before = SafeTensors.open(base)) {
      List<Parameter> changed = new ArrayList<>();
      for (String tensor : before.names()) {
        Tensor stored = before.tensor(tensor);
        if (random.nextBoolean()) {
          int rows = stored.rank() == 2 ? stored.rows() : 1;
          int cols = (int) stored.elements() / rows;
          Parameter p = new Parameter(tensor, true, rows, cols, Dtype.F32, 0, scope);
          for (long i = 0; i < p.elements(); i++) {
            p.master().put(i, random.nextGaussian());
          }
          changed.add(p);
        }
      }
      ModelFolder.write(base, out, changed, Kernels.fastest());
      Map<String, Parameter> byName = new TreeMap<>();
      changed.forEach(p -> byName.put(p.name(), p));
      try (SafeTensors after = SafeTensors.open(out)) {
        assertThat(after.names()).isEqualTo(before.names());
        for (String tensor : before.names()) {
          assertThat(after.entry(tensor)).isEqualTo(before.entry(tensor));
          assertThat(after.file(tensor).getFileName()).isEqualTo(before.file(tensor).getFileName());
          Tensor got = after.tensor(tensor);
          Parameter p = byName.get(tensor);
          if (p == null) {
            assertThat(after.bytes(tensor).mismatch(before.bytes(tensor))).isEqualTo(-1);
          } else {
            Tensor rounded = scope.tensor(got.dtype(), got.shape());
            for (long i = 0; i < p.elements(); i++) {
              rounded.put(i, p.master().at(i));
            }
            assertThat(got.data().mismatch(rounded.data())).as(tensor).isEqualTo(-1);
          }
        }
      }
    }
  }

  @Test
  void aTiedHeadThatIsStoredAllTheSameFollowsTheEmbedding() throws IOException {
    Path base = Files.createDirectories(temp.resolve("base"));
    try (Scope scope = Scope.open("tensors");
        Stream<Path> all = Files.list(GOLDEN.resolve("grouped-tied/model"))) {
      for (Path file : all.toList()) {
        Files.copy(file, base.resolve(file.getFileName()));
      }
      addHead(base);
      Tensor stored;
      Parameter p;
      try (SafeTensors file = SafeTensors.open(base)) {
        stored = file.tensor("model.embed_tokens.weight");
        p =
            new Parameter(
                "model.embed_tokens.weight",
                true,
                stored.rows(),
                stored.cols(),
                Dtype.F32,
                0,
                scope);
      }
      p.master().put(7, 1.5);
      Path out = temp.resolve("out");
      ModelFolder.write(base, out, List.of(p), Kernels.fastest());
      try (SafeTensors file = SafeTensors.open(out)) {
        for (String name : List.of("model.embed_tokens.weight", "lm_head.weight")) {
          assertThat(file.bytes(name).mismatch(p.master().data())).as(name).isEqualTo(-1);
        }
      }
    }
  }

  private static void addHead(Path base) throws IOException {
    Path weights = base.resolve("model.safetensors");
    Path moved = base.resolveSibling("moved.safetensors");
    Files.move(weights, moved);
    try (SafeTensors file = SafeTensors.open(moved)) {
      List<dev.nudge.format.Entry> entries = new ArrayList<>();
      file.names().forEach(name -> entries.add(file.entry(name)));
      Tensor embedding = file.tensor("model.embed_tokens.weight");
      entries.add(
          dev.nudge.format.Entry.of("lm_head.weight", embedding.dtype(), embedding.shape()));
      try (var writer =
          dev.nudge.format.SafeTensorsWriter.create(weights, Map.of("format", "pt"), entries)) {
        file.names().forEach(name -> writer.write(name, file.bytes(name)));
        writer.write("lm_head.weight", embedding);
      }
    }
  }

  @Test
  void whatCannotBeWrittenIsOneLine() throws IOException {
    Path file = Files.writeString(temp.resolve("file"), "");
    assertThatThrownBy(
            () ->
                ModelFolder.write(
                    GOLDEN.resolve("grouped-tied/model"),
                    file.resolve("out"),
                    List.of(),
                    Kernels.fastest()))
        .isInstanceOf(RunException.class)
        .hasMessageStartingWith("cannot write " + file.resolve("out"));
  }
}
