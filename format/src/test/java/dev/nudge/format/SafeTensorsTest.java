package dev.nudge.format;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.nudge.settings.InputException;
import dev.nudge.settings.RunException;
import dev.nudge.tensor.Dtype;
import dev.nudge.tensor.Ledger;
import dev.nudge.tensor.PageAdvice;
import dev.nudge.tensor.Scope;
import dev.nudge.tensor.Tensor;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/// Against files of the official library (`src/test/reference/safetensors_files.py`), value by
/// value and, when written again, byte by byte.
class SafeTensorsTest {
  private final long before = Ledger.bytes();

  @TempDir Path folder;

  @AfterEach
  void theLedgerIsBack() {
    assertThat(Ledger.bytes()).isEqualTo(before);
  }

  static Path golden(String name) {
    return Path.of("../core/src/test/resources/golden/safetensors", name);
  }

  @ParameterizedTest
  @ValueSource(strings = {"odd", "no-metadata", "no-tensors", "other-types"})
  void valuesAreThoseThatTheOfficialLibraryWrote(String name) throws Exception {
    JsonNode expected = new JsonMapper().readTree(golden("values.json").toFile()).get(name);
    try (var weights = SafeTensors.open(golden(name + ".safetensors"))) {
      JsonNode tensors = expected.get("tensors");
      assertThat(weights.names()).containsExactlyInAnyOrderElementsOf(tensors.propertyNames());
      assertThat(weights.metadata()).hasSize(expected.get("metadata").size());
      weights
          .metadata()
          .forEach((k, v) -> assertThat(v).isEqualTo(expected.get("metadata").get(k).asString()));
      for (var stored : tensors.properties()) {
        String tensor = stored.getKey();
        JsonNode want = stored.getValue();
        Entry entry = weights.entry(tensor);
        assertThat(entry.type().name()).isEqualTo(want.get("dtype").asString());
        assertThat(entry.shape())
            .containsExactlyElementsOf(
                want.get("shape").values().stream().map(JsonNode::asLong).toList());
        assertThat(weights.bytes(tensor).byteSize()).isEqualTo(entry.bytes());
        if (entry.type().dtype() == null) {
          assertThatThrownBy(() -> weights.tensor(tensor))
              .isInstanceOf(InputException.class)
              .message()
              .contains(
                  "tensor \""
                      + tensor
                      + "\": dtype "
                      + entry.type()
                      + " is not supported; F32, F16");
          continue;
        }
        Tensor t = weights.tensor(tensor);
        assertThat(t.elements()).isEqualTo(want.get("values").size());
        for (int i = 0; i < t.elements(); i++) {
          assertThat(t.at(i)).isEqualTo((Double) value(want.get("values").get(i)));
        }
      }
    }
  }

  private static double value(JsonNode node) {
    return node.isString() ? Double.parseDouble(node.asString()) : node.doubleValue();
  }

  @ParameterizedTest
  @ValueSource(strings = {"odd", "no-metadata", "no-tensors", "other-types"})
  void whatIsWrittenAgainHasTheOfficialBytes(String name) throws Exception {
    Path copy = folder.resolve("copy.safetensors");
    try (var weights = SafeTensors.open(golden(name + ".safetensors"));
        var writer =
            SafeTensorsWriter.create(
                copy, weights.metadata(), weights.names().stream().map(weights::entry).toList())) {
      for (String tensor : weights.names().descendingSet()) {
        writer.write(tensor, weights.bytes(tensor));
      }
    }
    assertThat(copy).hasSameBinaryContentAs(golden(name + ".safetensors"));
  }

  @Test
  void tensorsAreReadOnlyAndEndWithTheFile() throws Exception {
    Tensor kept;
    try (var weights = SafeTensors.open(golden("odd.safetensors"))) {
      kept = weights.tensor("matrix.f32");
      assertThat(kept.data().isReadOnly()).isTrue();
      assertThat(PageAdvice.isFile(kept.data())).isTrue();
    }
    assertThatThrownBy(() -> kept.get(0, 0)).isInstanceOf(IllegalStateException.class);
  }

  @Test
  void anUnknownNameGetsTheNearest() throws Exception {
    Path file = golden("odd.safetensors");
    try (var weights = SafeTensors.open(file)) {
      assertThatThrownBy(() -> weights.tensor("matrix.f23"))
          .isInstanceOf(InputException.class)
          .message()
          .startsWith(file + ": has no tensor \"matrix.f23\"; did you mean matrix.");
    }
  }

  @Test
  void aHeaderThatIsNotAlignedIsReadInPlaceToo() throws IOException {
    byte[] json =
        "{\"b\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1]},\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[1,9],\"more\":[{}]}}"
            .getBytes(StandardCharsets.UTF_8);
    ByteBuffer bytes =
        ByteBuffer.allocate(8 + json.length + 9)
            .order(ByteOrder.LITTLE_ENDIAN)
            .putLong(json.length);
    bytes.put(json).put((byte) 200).putFloat(1.5f).putFloat(-2);
    try (var weights = SafeTensors.open(Files.write(folder.resolve("w"), bytes.array()))) {
      assertThat(weights.tensor("b").at(0)).isEqualTo(200);
      assertThat(weights.tensor("a").at(0)).isEqualTo(1.5);
      assertThat(weights.tensor("a").at(1)).isEqualTo(-2);
    }
  }

  @Test
  void aTensorMayBeLargerThanTwoGigabytes() throws IOException {
    Path file = folder.resolve("large.safetensors");
    String json =
        "{\"w\":{\"dtype\":\"F32\",\"shape\":[3,300000000],\"data_offsets\":[0,3600000000]}}";
    byte[] header = SafeTensorsRefusalTest.file(json.getBytes(StandardCharsets.UTF_8), 0);
    Files.write(file, header);
    try (var sparse = new RandomAccessFile(file.toFile(), "rw")) {
      sparse.setLength(header.length + 3_600_000_000L);
      sparse.seek(header.length + 3_600_000_000L - 4);
      sparse.write(new byte[] {0, 0, (byte) 0x80, 0x3f});
    }
    try (var weights = SafeTensors.open(file)) {
      assertThat(weights.tensor("w").get(2, 299_999_999)).isEqualTo(1);
      assertThat(weights.tensor("w").get(2, 299_999_998)).isEqualTo(0);
    }
    Files.delete(file);
  }

  @Test
  void everyTypeOfTensorIsWrittenAndRead() {
    Path file = folder.resolve("all.safetensors");
    try (var scope = Scope.open("test")) {
      try (var writer =
          SafeTensorsWriter.create(
              file,
              Map.of(),
              Stream.of(Dtype.values()).map(d -> Entry.of(d.name(), d, 3, 5)).toList())) {
        for (Dtype d : Dtype.values()) {
          Tensor t = scope.tensor(d, 3, 5);
          t.set(2, 4, 1);
          writer.write(d.name(), t);
        }
      }
      try (var weights = SafeTensors.open(file)) {
        for (Dtype d : Dtype.values()) {
          assertThat(weights.tensor(d.name()).dtype()).isEqualTo(d);
          assertThat(weights.tensor(d.name()).get(2, 4)).isEqualTo(1);
        }
      }
    }
  }

  @Test
  void rowsWithGapsAreWrittenWithoutThem() {
    Path file = folder.resolve("w.safetensors");
    try (var scope = Scope.open("test")) {
      Tensor wide = scope.tensor(Dtype.F32, 3, 4);
      for (int i = 0; i < 12; i++) {
        wide.put(i, i);
      }
      try (var writer =
          SafeTensorsWriter.create(file, Map.of(), List.of(Entry.of("w", Dtype.F32, 3, 2)))) {
        writer.write("w", wide.cols(1, 3));
      }
    }
    try (var weights = SafeTensors.open(file)) {
      Tensor w = weights.tensor("w");
      assertThat(Stream.of(0, 1, 2, 3, 4, 5).map(w::at)).containsExactly(1., 2., 5., 6., 9., 10.);
    }
  }

  @Test
  void anUnfinishedFileLeavesNothingAndTheOldOneAsItWas() throws IOException {
    Path file = Files.writeString(folder.resolve("w.safetensors"), "old");
    var writer = SafeTensorsWriter.create(file, Map.of(), List.of(Entry.of("w", Dtype.F32, 1)));
    assertThat(folder.resolve("w.safetensors.tmp")).exists();
    assertThatThrownBy(writer::close).isInstanceOf(IllegalStateException.class);
    writer.close();
    assertThat(file).hasContent("old");
    assertThat(folder).isDirectoryNotContaining("glob:**.tmp");
  }

  @Test
  void whatWasNotAnnouncedIsNotWritten() {
    Path file = folder.resolve("w.safetensors");
    Entry w = Entry.of("w", Dtype.F32, 2, 2);
    try (var scope = Scope.open("test");
        var writer = SafeTensorsWriter.create(file, Map.of(), List.of(w))) {
      Tensor right = scope.tensor(Dtype.F32, 2, 2);
      assertThatThrownBy(() -> writer.write("v", right)).hasMessageContaining("\"v\" was not");
      assertThatThrownBy(() -> writer.write("w", scope.tensor(Dtype.BF16, 2, 2)))
          .hasMessage("BF16[2, 2] is not what was announced: w F32 [2, 2]");
      assertThatThrownBy(() -> writer.write("w", scope.tensor(Dtype.F32, 4)))
          .isInstanceOf(IllegalArgumentException.class);
      writer.write("w", right);
      assertThatThrownBy(() -> writer.write("w", right)).hasMessageContaining("written before");
    }
    assertThatThrownBy(() -> SafeTensorsWriter.create(file, Map.of(), List.of(w, w)))
        .isInstanceOf(IllegalArgumentException.class);
    assertThat(folder).isDirectoryNotContaining("glob:**.tmp");
  }

  @Test
  void aFolderThatIsNotThereIsOneLine() {
    Path file = folder.resolve("absent/w.safetensors");
    assertThatThrownBy(() -> SafeTensorsWriter.create(file, Map.of(), List.of()))
        .isInstanceOf(RunException.class)
        .hasMessage("cannot write " + file + " (16 bytes): its folder does not exist");
  }

  @Test
  void whatTheDiskRefusesIsOneLine() {
    Path file = folder.resolve("w.safetensors");
    Throwable refusal =
        Faults.failure(1, () -> SafeTensorsWriter.create(file, Map.of(), List.of()).close());
    assertThat(refusal)
        .isInstanceOf(RunException.class)
        .hasMessage("cannot write " + file + " (16 bytes): refused by the test");
  }
}
