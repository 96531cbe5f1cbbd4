package dev.nudge.format;

import static java.util.Objects.requireNonNull;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.nudge.settings.RunException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.List;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/// Lets two writers go for one place, and two processes for one lock.
class ClaimTest {
  @TempDir private Path temp;

  /// Holds a place or a lock until it is killed.
  static final class Holder {
    private Holder() {}

    public static void main(String[] args) throws IOException {
      Path path = Path.of(args[1]);
      if (args[0].equals("lock")) {
        Claim.LockFile.await(path);
      } else {
        Files.writeString(NewFolder.at(path).path().resolve("theirs"), "theirs");
      }
      System.out.println("held");
      System.in.read();
      Runtime.getRuntime().halt(1);
    }
  }

  private static Process holding(String what, Path path) throws IOException {
    Process child =
        new ProcessBuilder(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-XX:TieredStopAtLevel=1",
                "-XX:+UseSerialGC",
                "-cp",
                System.getProperty("java.class.path"),
                Holder.class.getName(),
                what,
                path.toString())
            .redirectError(ProcessBuilder.Redirect.INHERIT)
            .start();
    assertThat(child.inputReader().readLine()).isEqualTo("held");
    return child;
  }

  private static void assertRefused(Path place) {
    assertThatThrownBy(() -> NewFolder.at(place).close())
        .isInstanceOf(RunException.class)
        .hasMessage(
            "another nudge process is writing to "
                + place
                + "; wait for it or give another folder");
  }

  private Path out(boolean there) throws IOException {
    Path out = temp.resolve("a/out");
    if (there) {
      Files.createDirectories(out);
      Files.writeString(out.resolve("config.json"), "old");
    }
    return out;
  }

  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void ofTwoWritersInOneProcessTheSecondIsRefused(boolean there) throws IOException {
    Path out = out(there);
    try (NewFolder first = NewFolder.at(out)) {
      Files.writeString(first.path().resolve("config.json"), "first");
      Path link = Files.createSymbolicLink(temp.resolve("link"), temp.resolve("a"));
      for (int i = 0; i < 2; i++) { // a refusal frees nothing
        assertRefused(out);
        assertRefused(link.resolve("out"));
      }
      first.place(List.of());
    }
    assertThat(out.resolve("config.json")).hasContent("first");
    try (NewFolder next = NewFolder.at(out)) {
      assertThat(next.path()).isEmptyDirectory();
    }
    assertThat(out.toFile().list()).containsExactly("config.json");
    assertThat(temp.resolve("a").toFile().list()).containsExactly("out");
  }

  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void aWriterInAnotherProcessHasThePlaceUntilItIsKilled(boolean there) throws Exception {
    Path out = out(there);
    Process child = holding("place", out);
    try {
      Path growing = there ? out.resolve(".nudge.new") : temp.resolve("a/.out.new");
      for (int i = 0; i < 2; i++) {
        assertRefused(out);
        assertThatThrownBy(() -> Claim.in(out))
            .hasMessageContaining("another nudge process is writing to");
        assertThat(growing.resolve("theirs")).hasContent("theirs");
      }
    } finally {
      child.destroyForcibly().waitFor();
    }
    try (NewFolder next = NewFolder.at(out)) {
      Files.writeString(next.path().resolve("config.json"), "next");
      next.place(List.of());
    }
    assertThat(out.toFile().list()).containsExactly("config.json");
    assertThat(out.resolve("config.json")).hasContent("next");
    assertThat(temp.resolve("a").toFile().list()).containsExactly("out");
  }

  @Test
  void aPlaceClosedTwiceIsNotTakenFromTheNextWriter() {
    Path out = temp.resolve("out");
    Claim first = Claim.of(out);
    first.close();
    try (Claim next = Claim.of(out)) {
      first.close();
      assertThat(next.place()).isEqualTo(out);
      assertRefused(out);
    }
    assertThat(temp).isEmptyDirectory();
  }

  @Test
  void whoWaitsForAFolderHasItWhenItIsFree() throws InterruptedException {
    AtomicReference<Claim> next = new AtomicReference<>();
    Thread waiting = new Thread(() -> next.set(Claim.await(temp)));
    try (Claim _ = Claim.await(temp)) {
      waiting.start();
      while (waiting.getState() != Thread.State.WAITING) {
        Thread.onSpinWait();
      }
      assertThat(next.get()).isNull();
      assertThat(temp.resolve(".nudge.lock")).exists();
    }
    waiting.join();
    requireNonNull(next.get()).close();
    assertThat(temp).isEmptyDirectory();
  }

  private static final class Waiting extends Thread {
    private final AtomicReference<Claim.LockFile> lock = new AtomicReference<>();
    private final Path file;
    private volatile boolean wasInterrupted;

    Waiting(Path file) {
      this.file = file;
    }

    @Override
    public void run() {
      try {
        lock.set(Claim.LockFile.await(file));
        wasInterrupted = Thread.interrupted();
      } catch (IOException e) {
        throw new AssertionError(e);
      }
    }

    /// Until the system has put it to sleep.
    void begin() throws InterruptedException {
      start();
      while (!sleeps()) {
        Thread.sleep(1);
      }
    }

    private boolean sleeps() {
      StackTraceElement[] stack = getStackTrace();
      return stack.length > 0 && stack[0].getMethodName().startsWith("lock0");
    }
  }

  /// The file that it waits for is deleted, and the name is another's by the time it wakes.
  @Test
  void whoWakesWithADeletedFileWaitsForTheNewOne() throws Exception {
    Path file = temp.resolve("lock");
    Process child = holding("lock", file);
    Waiting waiting = new Waiting(file);
    try {
      waiting.begin();
      Files.delete(file);
      try (Claim.LockFile other = Claim.LockFile.now(file)) {
        assertThat(other).isNotNull();
        child.destroyForcibly().waitFor();
        waiting.join(300);
        assertThat(waiting.lock.get()).isNull();
      }
      waiting.join();
      requireNonNull(waiting.lock.get()).close();
    } finally {
      child.destroyForcibly();
    }
    assertThat(temp).isEmptyDirectory();
  }

  @Test
  void anInterruptGivesNoLockAndIsSetAgain() throws Exception {
    Path file = temp.resolve("lock");
    Process child = holding("lock", file);
    Waiting waiting = new Waiting(file);
    try {
      waiting.begin();
      waiting.interrupt();
      waiting.join(300);
      assertThat(waiting.isAlive()).isTrue();
    } finally {
      child.destroyForcibly().waitFor();
    }
    waiting.join();
    assertThat(waiting.wasInterrupted).isTrue();
    requireNonNull(waiting.lock.get()).close();
  }

  @Test
  void anInterruptedThreadDoesItsWorkOnAChannel() throws IOException {
    Path file = temp.resolve("file");
    Thread.currentThread().interrupt();
    try {
      Disk.uninterrupted(
          () -> {
            try (FileChannel channel =
                FileChannel.open(file, StandardOpenOption.CREATE, StandardOpenOption.WRITE)) {
              return channel.write(ByteBuffer.wrap(new byte[3]));
            }
          });
    } finally {
      assertThat(Thread.interrupted()).isTrue();
    }
    assertThat(file).hasSize(3);
  }
}
