package dev.nudge.format;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.nudge.gguf.GgufType;
import dev.nudge.gguf.block.BlockReader;
import dev.nudge.settings.InputException;
import dev.nudge.tensor.Dtype;
import dev.nudge.tensor.Scope;
import dev.nudge.tensor.Tensor;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;

/// Blocks of every type against `gguf.dequantize`, to the bit (`src/test/reference/gguf_files.py`).
class GgufFileTest {
  private static final Path GOLDEN = Path.of("../core/src/test/resources/golden/gguf");

  @Test
  void everyTypeHasTheNumbersOfTheGgufPackage() {
    JsonNode types = Json.read(GOLDEN.resolve("types.json"));
    assertThat(types.size()).isEqualTo(GgufType.values().length);
    try (WeightFile file = WeightFile.open(GOLDEN.resolve("types.gguf"));
        Scope scope = Scope.open("test")) {
      for (Map.Entry<String, JsonNode> type : types.properties()) {
        String name = type.getValue().path("tensor").asString();
        MemorySegment values =
            values((GgufFile) file, GgufType.valueOf(type.getKey()), name, scope);
        Sha256 sha = new Sha256();
        sha.update(values);
        assertThat(sha.hex())
            .as(type.getKey())
            .isEqualTo(type.getValue().path("sha256").asString());
      }
    }
  }

  @Test
  void theFilesOfASplitModelAreRead(@TempDir Path folder) throws IOException {
    Path split = GOLDEN.resolve("split/llama-llama3-00001-of-00003.gguf");
    try (WeightFile whole = WeightFile.open(GOLDEN.resolve("mixed/llama-llama3.gguf"));
        WeightFile parts = WeightFile.open(split)) {
      assertThat(parts.names()).isEqualTo(whole.names());
      assertThat(parts.files()).hasSize(3);
      for (String name : parts.names()) {
        assertThat(parts.entry(name)).isEqualTo(whole.entry(name));
        assertThat(parts.bytes(name).mismatch(whole.bytes(name))).isEqualTo(-1);
      }
    }
    String config = FolderText.read(split.resolve("config.json"));
    assertThat(FolderText.read(GOLDEN.resolve("mixed/llama-llama3.gguf/config.json")))
        .isEqualTo(config);
    Path second = split.resolveSibling("llama-llama3-00002-of-00003.gguf");
    assertThatThrownBy(() -> WeightFile.open(second))
        .isInstanceOf(InputException.class)
        .hasMessageStartingWith(second + ": ");
    Path alone = Files.copy(split, folder.resolve(split.getFileName()));
    assertThatThrownBy(() -> WeightFile.open(alone))
        .hasMessage(
            alone + ": is the first of 3 files; llama-llama3-00002-of-00003.gguf is missing");
    Path renamed = Files.copy(split, folder.resolve("model.gguf"));
    assertThatThrownBy(() -> WeightFile.open(renamed))
        .hasMessage(
            renamed
                + ": is a part of a model in 3 files; their names have to end in"
                + " -00001-of-00003.gguf and so on");
  }

  private static MemorySegment values(GgufFile file, GgufType type, String name, Scope scope) {
    GgufFile.Packed packed = file.packed(name);
    if (packed == null) {
      Tensor dense = file.tensor(name);
      assertThat(type.isFloat()).isTrue();
      assertThat(dense.dtype().name()).isEqualTo(type.name());
      MemorySegment values = scope.allocate(4 * dense.elements());
      int blocks = (int) dense.elements();
      BlockReader.of(type).read(file.bytes(name), 0, blocks, values, 0);
      return values;
    }
    assertThat(packed.type()).isEqualTo(type);
    assertThat(file.entry(name))
        .isEqualTo(Entry.of(name, Dtype.U8, packed.rows(), type.rowBytes(packed.cols())));
    long elements = (long) packed.rows() * packed.cols();
    MemorySegment values = scope.allocate(4 * elements);
    int blocks = (int) (elements / type.block());
    BlockReader.of(type).read(packed.bytes(), 0, blocks, values, 0);
    return values;
  }
}
