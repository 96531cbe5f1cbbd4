package dev.nudge.format;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static org.assertj.core.api.Assertions.assertThat;

import dev.nudge.Seeds;
import dev.nudge.settings.InputException;
import dev.nudge.tensor.Dtype;
import dev.nudge.tensor.Ledger;
import dev.nudge.tensor.Scope;
import dev.nudge.tensor.Tensor;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// Damaged files load with every tensor inside the file, or are refused by name; nothing else.
///
/// A failure is repeated with `NUDGE_SEED=…`, the seed that was printed.
class SafeTensorsFuzzTest {
  private static final int FILES = 3_000;
  private static final int INDEXES = 800;

  private final long seed = Seeds.next();
  private final Random random = new Random(seed);
  private final Mutations mutations = new Mutations(random);
  private final long before = Ledger.bytes();

  @TempDir Path folder;

  private enum Outcome {
    LOADED,
    REFUSED
  }

  @Test
  void aDamagedFileLoadsInsideItsBoundsOrIsRefusedByName() throws IOException {
    damaged(FILES);
  }

  @Test
  @Tag("slow")
  void soDoManyDamagedFiles() throws IOException {
    damaged(12_000);
  }

  private void damaged(int files) throws IOException {
    List<byte[]> originals = originals();
    Path file = folder.resolve("w.safetensors");
    Map<Mutations.Part, Integer> parts = new EnumMap<>(Mutations.Part.class);
    Map<Outcome, Integer> outcomes = new EnumMap<>(Outcome.class);
    Map<Outcome, Integer> headers = new EnumMap<>(Outcome.class);
    for (int round = 0; round < files; round++) {
      Mutations.Part part = mutations.part();
      byte[] bytes = mutations.mutate(originals.get(round % originals.size()), part);
      Files.write(file, bytes);
      Outcome outcome = open(file, file, bytes, "seed " + seed + ", file " + round);
      parts.merge(part, 1, Integer::sum);
      outcomes.merge(outcome, 1, Integer::sum);
      if (part != Mutations.Part.DATA) {
        headers.merge(outcome, 1, Integer::sum);
      }
    }
    System.out.printf(
        "fuzz, seed %d: %d files, mutated %s: %s; of those with a mutated header %s%n",
        seed, files, parts, outcomes, headers);
    assertThat(outcomes.get(Outcome.LOADED)).isGreaterThan(files / 24);
    assertThat(outcomes.get(Outcome.REFUSED)).isGreaterThan(files / 24);
    assertThat(headers.get(Outcome.LOADED)).isGreaterThan(files / 24);
    assertThat(headers.get(Outcome.REFUSED)).isGreaterThan(files / 24);
    assertThat(parts.get(Mutations.Part.DATA)).isLessThan(files / 2);
    assertThat(Ledger.bytes()).isEqualTo(before);
  }

  @Test
  void aDamagedIndexLoadsOrIsRefusedByName() throws IOException {
    damagedIndexes(INDEXES);
  }

  @Test
  @Tag("slow")
  void soDoManyDamagedIndexes() throws IOException {
    damagedIndexes(2_000);
  }

  private void damagedIndexes(int indexes) throws IOException {
    ShardsTest.shard(folder.resolve("one.safetensors"), "a", 1);
    ShardsTest.shard(folder.resolve("two.safetensors"), "b", 2);
    byte[] index =
        "{\"metadata\":{\"total_size\":8},\"weight_map\":{\"a\":\"one.safetensors\",\"b\":\"two.safetensors\"}}"
            .getBytes(StandardCharsets.UTF_8);
    Map<Outcome, Integer> outcomes = new EnumMap<>(Outcome.class);
    for (int round = 0; round < indexes; round++) {
      Files.write(folder.resolve(Shards.INDEX), mutations.bytes(index));
      String at = "seed " + seed + ", index " + round;
      outcomes.merge(open(folder, folder, null, at), 1, Integer::sum);
    }
    System.out.printf("fuzz, seed %d: %d indexes: %s%n", seed, indexes, outcomes);
    assertThat(outcomes.get(Outcome.LOADED)).isGreaterThan(indexes / 100);
    assertThat(outcomes.get(Outcome.REFUSED)).isGreaterThan(indexes / 4);
    assertThat(Ledger.bytes()).isEqualTo(before);
  }

  private static Outcome open(Path path, Path named, byte @Nullable [] file, String at) {
    try (var weights = SafeTensors.open(path)) {
      long covered = 0;
      for (String name : weights.names()) {
        covered += touch(weights, name);
      }
      if (file != null) {
        long header = ByteBuffer.wrap(file).order(ByteOrder.LITTLE_ENDIAN).getLong();
        assertThat(8 + header + covered).as(at).isEqualTo(file.length);
      }
      return Outcome.LOADED;
    } catch (InputException e) {
      assertThat(e.getMessage()).as(at).startsWith(named.toString()).doesNotContain("\n", "\r");
      return Outcome.REFUSED;
    } catch (RuntimeException | Error e) {
      throw new AssertionError(at, e);
    }
  }

  /// Reads the first and the last byte, and the first and last number where it can be a tensor.
  private static long touch(SafeTensors weights, String name) {
    MemorySegment bytes = weights.bytes(name);
    Entry entry = weights.entry(name);
    assertThat(bytes.byteSize()).isEqualTo(entry.bytes());
    if (bytes.byteSize() > 0) {
      bytes.get(JAVA_BYTE, 0);
      bytes.get(JAVA_BYTE, bytes.byteSize() - 1);
    }
    if (entry.type().dtype() != null) {
      Tensor tensor = weights.tensor(name);
      if (tensor.elements() > 0) {
        tensor.at(0);
        tensor.at(tensor.elements() - 1);
      }
    }
    return bytes.byteSize();
  }

  private List<byte[]> originals() throws IOException {
    List<byte[]> all = new ArrayList<>();
    all.add(written(Map.of("format", "pt"), Entry.of("weight", Dtype.F32, 3, 4)));
    all.add(
        written(
            Map.of(),
            Stream.of(StoredType.values())
                .map(t -> new Entry("t." + t, t, List.of(2L, 4L)))
                .toArray(Entry[]::new)));
    all.add(
        written(
            Map.of("format", "pt", "ü", "\"\\\n"),
            Entry.of("scalar", Dtype.F32),
            Entry.of("empty", Dtype.F16, 0, 7),
            Entry.of("model.layers.0.self_attn.q_proj.weight", Dtype.BF16, 5, 3),
            Entry.of("漢字", Dtype.I64, 1, 1, 2)));
    all.add(written(Map.of("format", "pt")));
    for (String name : List.of("odd", "other-types", "no-metadata")) {
      all.add(Files.readAllBytes(SafeTensorsTest.golden(name + ".safetensors")));
    }
    return all;
  }

  private byte[] written(Map<String, String> metadata, Entry... entries) throws IOException {
    Path file = folder.resolve("original.safetensors");
    try (var scope = Scope.open("test");
        var writer = SafeTensorsWriter.create(file, metadata, List.of(entries))) {
      for (Entry entry : entries) {
        writer.write(entry.name(), scope.allocate(entry.bytes()));
      }
    }
    return Files.readAllBytes(file);
  }
}
