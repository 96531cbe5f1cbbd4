package dev.nudge.format;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static org.assertj.core.api.Assertions.assertThat;

import dev.nudge.Seeds;
import dev.nudge.gguf.GgufHeader;
import dev.nudge.gguf.GgufTensor;
import dev.nudge.settings.InputException;
import dev.nudge.tensor.Ledger;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// Damaged GGUF files load with every tensor inside the file, or are refused by name; nothing else.
///
/// A failure is repeated with `NUDGE_SEED=…`, the seed that was printed.
class GgufFuzzTest {
  private static final Path GOLDEN = Path.of("../core/src/test/resources/golden/gguf");
  private static final int FILES = 2_000;
  private static final long[] NUMBERS = {
    0,
    1,
    2,
    3,
    8,
    9,
    12,
    31,
    255,
    1L << 30,
    1L << 31,
    (1L << 32) - 1,
    1L << 40,
    1L << 60,
    1L << 62,
    Long.MAX_VALUE,
    Long.MIN_VALUE,
    -1,
    -32,
    Double.doubleToRawLongBits(Double.NaN)
  };

  private final long seed = Seeds.next();
  private final Random random = new Random(seed);
  private final long before = Ledger.bytes();

  @TempDir Path folder;

  @Test
  void aDamagedFileLoadsInsideItsBoundsOrIsRefusedByName() throws IOException {
    damaged(FILES);
  }

  @Test
  @Tag("slow")
  void soDoManyDamagedFiles() throws IOException {
    damaged(20_000);
  }

  private void damaged(int files) throws IOException {
    List<byte[]> originals = new ArrayList<>();
    for (String name : List.of("types", "models/llama-llama3", "tokens/pieces", "tokens/gpt2")) {
      originals.add(Files.readAllBytes(GOLDEN.resolve(name + ".gguf")));
    }
    int loaded = 0;
    int derived = 0;
    for (int round = 0; round < files; round++) {
      byte[] original = originals.get(round % originals.size());
      Path file = folder.resolve(round + ".gguf");
      Files.write(file, damaged(original));
      String at = "seed " + seed + ", file " + round;
      loaded += opens(file, at) ? 1 : 0;
      for (String text : List.of("config.json", "tokenizer.json", "tokenizer_config.json")) {
        derived += derives(file, text, at) ? 1 : 0;
      }
      Files.delete(file);
    }
    System.out.printf(
        "fuzz, seed %d: %d files, %d loaded, %d texts derived%n", seed, files, loaded, derived);
    assertThat(loaded).isBetween(files / 24, files - files / 24);
    assertThat(derived).isGreaterThan(files / 24);
    assertThat(Ledger.bytes()).isEqualTo(before);
  }

  /// Changes one to three places of the header, or cuts the file.
  private byte[] damaged(byte[] original) {
    byte[] bytes = original.clone();
    if (random.nextInt(8) == 0) {
      return Arrays.copyOf(bytes, random.nextInt(bytes.length));
    }
    int header = header(original);
    for (int i = random.nextInt(3); i >= 0; i--) {
      int at = random.nextInt(header - 8);
      ByteBuffer buffer = ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
      long number = NUMBERS[random.nextInt(NUMBERS.length)];
      switch (random.nextInt(5)) {
        case 0 -> bytes[at] ^= (byte) (1 << random.nextInt(8));
        case 1 -> bytes[at] = (byte) random.nextInt();
        case 2 -> buffer.putInt(at, (int) number);
        case 3 -> buffer.putLong(at, number);
        default -> System.arraycopy(bytes, at, bytes, random.nextInt(header - 8), 8);
      }
    }
    return bytes;
  }

  private static int header(byte[] original) {
    GgufHeader header = GgufHeader.read(Path.of("original"), MemorySegment.ofArray(original));
    return (int)
        header.tensors().values().stream()
            .mapToLong(GgufTensor::begin)
            .min()
            .orElse(original.length);
  }

  private static boolean opens(Path file, String at) {
    try (WeightFile weights = WeightFile.open(file)) {
      if (!(weights instanceof GgufFile)) {
        throw new AssertionError(at + " is read as " + weights);
      }
      for (String name : weights.names()) {
        MemorySegment bytes = weights.bytes(name);
        assertThat(bytes.byteSize()).as(at).isEqualTo(weights.entry(name).bytes());
        if (bytes.byteSize() > 0) {
          bytes.get(JAVA_BYTE, 0);
          bytes.get(JAVA_BYTE, bytes.byteSize() - 1);
        }
      }
      return true;
    } catch (InputException e) {
      return refused(file, at, e);
    } catch (RuntimeException | Error e) {
      throw new AssertionError(at, e);
    }
  }

  private static boolean derives(Path file, String name, String at) {
    try {
      Json.read(file.resolve(name));
      return true;
    } catch (InputException e) {
      return refused(file, at, e);
    } catch (RuntimeException | Error e) {
      throw new AssertionError(at, e);
    }
  }

  private static boolean refused(Path file, String at, InputException e) {
    assertThat(e.getMessage()).as(at).startsWith(file.toString()).doesNotContain("\n", "\r");
    assertThat(String.valueOf(e.getMessage()).length()).as(at).isLessThan(2000);
    return false;
  }
}
