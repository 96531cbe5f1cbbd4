package dev.nudge.tensor.onednn;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// The library is here where a build runs, and a file of it that changed is unpacked again.
class NativesTest {
  @TempDir Path cache;

  /// Without this, every test of parity could compare plain Java with plain Java and pass.
  @Test
  void oneDnnLoadsOnLinux() {
    String os = System.getProperty("os.name").toLowerCase(Locale.ROOT);
    String arch = System.getProperty("os.arch");
    assumeTrue(os.contains("linux") && (arch.equals("amd64") || arch.equals("aarch64")));
    OneDnn provider = new OneDnn();
    assertThat(provider.load(dev.nudge.Backends.cache())).isEmpty();
    assertThat(provider.name()).startsWith("oneDNN 3.");
    assertThat(provider.probe(dev.nudge.tensor.Dtype.F32)).isPositive();
  }

  @Test
  void aFileOfTheRightSizeWithAWrongByteIsUnpackedAgain() throws IOException {
    List<Path> files = Natives.unpack(cache).orElse(List.of());
    assumeTrue(!files.isEmpty(), "no oneDNN for this platform");
    Path library = files.getLast();
    assertThat(Natives.unpack(cache)).contains(files); // notes what it has seen
    assertThat(library.resolveSibling(library.getFileName() + ".checked")).exists();
    String digest = Natives.digest(library);
    try (RandomAccessFile file = new RandomAccessFile(library.toFile(), "rw")) {
      file.seek(file.length() / 2);
      int one = file.read();
      file.seek(file.length() / 2);
      file.write(one ^ 1);
    }
    long size = Files.size(library);
    assertThat(Natives.digest(library)).isNotEqualTo(digest);
    assertThat(Natives.unpack(cache)).contains(files);
    assertThat(Files.size(library)).isEqualTo(size);
    assertThat(Natives.digest(library)).isEqualTo(digest);
  }
}
