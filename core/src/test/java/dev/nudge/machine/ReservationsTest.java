package dev.nudge.machine;

import static java.util.Objects.requireNonNull;
import static org.assertj.core.api.Assertions.assertThat;

import dev.nudge.machine.Reservations.Reservation;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// Announces runs of one and of two processes.
class ReservationsTest {
  private static final long GIB = 1L << 30;

  @TempDir private Path temp;

  private Path folder() {
    return temp.resolve("cache/memory");
  }

  /// Who is there, as a process with a number of the test sees it.
  private Reservations seenBy(long pid) {
    return Reservations.in(folder(), temp, pid);
  }

  private void holds(long pid, long mib) throws IOException {
    Path status = temp.resolve("proc/" + pid + "/status");
    Files.createDirectories(status.getParent());
    Files.writeString(status, "VmHWM:\t 9 kB\nRssAnon:\t" + (mib << 10) + " kB\n");
  }

  private static Reservation take(Reservations from, long planned, long free) {
    return requireNonNull(from.take(planned, free));
  }

  @Test
  void whatIsPlannedAndNotHeldYetIsSpokenFor() throws IOException {
    assertThat(seenBy(1).aheadBytes()).isZero();
    assertThat(temp).isEmptyDirectory(); // reading makes nothing
    try (Reservation _ = take(seenBy(11), 4 * GIB, 8 * GIB)) {
      Reservations seen = seenBy(12);
      assertThat(seen.runs()).isOne();
      assertThat(seen.aheadBytes()).isEqualTo(4 * GIB); // the system does not tell what 11 holds
      holds(11, 1024);
      assertThat(seen.aheadBytes()).isEqualTo(3 * GIB);
      holds(11, 5000);
      assertThat(seen.aheadBytes()).isZero();
      holds(11, 1024);
      try (Reservation _ = take(seen, GIB, 4 * GIB);
          Reservation _ = take(seenBy(11), GIB / 2, GIB)) {
        assertThat(seenBy(13).aheadBytes()).isEqualTo(3 * GIB + GIB + GIB / 2);
        assertThat(seenBy(13).runs()).isEqualTo(3);
      }
    }
    assertThat(seenBy(12).runs()).isZero();
    assertThat(folder().toFile().list()).containsExactly("lock");
  }

  @Test
  void whoWasPlannedMeanwhileIsReckonedWith() {
    Reservations one = seenBy(11);
    Reservations two = seenBy(12);
    Reservations three = seenBy(13);
    try (Reservation _ = take(one, 5 * GIB, 8 * GIB)) {
      assertThat(two.take(4 * GIB, 8 * GIB)).isNull();
      assertThat(two.again().newBytes(two)).isEqualTo(5 * GIB);
      try (Reservation _ = take(three, 3 * GIB, 8 * GIB)) {
        assertThat(two.take(GIB, 8 * GIB)).isNull();
        // planned once more it knows of both, and takes what it was given
        Reservations again = two.again();
        assertThat(again.newBytes(two)).isEqualTo(8 * GIB);
        take(again, 4 * GIB, 1).close();
      }
    }
    take(two, 8 * GIB, 8 * GIB).close(); // they are gone
  }

  @Test
  void whatADeadProcessLeftIsNothing() throws IOException {
    Files.createDirectories(folder());
    Path left = Files.createFile(folder().resolve("11.1073741824.0a-1"));
    Path other = Files.writeString(folder().resolve("notes.txt"), "mine");
    assertThat(seenBy(12).runs()).isZero();
    assertThat(left).doesNotExist();
    assertThat(other).hasContent("mine");
  }

  @Test
  void aFolderThatCannotBeMadeStopsNobody() throws IOException {
    Files.writeString(temp.resolve("cache"), "a file");
    Reservations seen = seenBy(11);
    assertThat(seen.aheadBytes()).isZero();
    take(seen, GIB, GIB).close();
    take(Reservations.none(), GIB, 0).close();
  }

  /// Announces a run of 64 TiB, of which it touches hardly anything, until it is killed.
  static final class Holder {
    private Holder() {}

    public static void main(String[] args) throws IOException {
      try (Reservation _ = take(Reservations.in(Path.of(args[0])), 64L << 40, Long.MAX_VALUE)) {
        System.out.println("held");
        System.in.read();
      }
      System.out.println("over");
      System.in.read();
    }
  }

  private Process holder() throws IOException {
    Process child =
        new ProcessBuilder(
                List.of(
                    Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                    "-XX:TieredStopAtLevel=1",
                    "-XX:+UseSerialGC",
                    "-cp",
                    System.getProperty("java.class.path"),
                    Holder.class.getName(),
                    temp.resolve("memory").toString()))
            .redirectError(ProcessBuilder.Redirect.INHERIT)
            .start();
    assertThat(child.inputReader().readLine()).isEqualTo("held");
    return child;
  }

  @Test
  void runsOfTwoProcessesKnowOfEachOther() throws Exception {
    Process child = holder();
    try {
      for (int i = 0; i < 2; i++) { // looking frees nothing
        Machine machine = Machine.here(temp);
        assertThat(machine.others().runs()).isOne();
        assertThat(machine.others().aheadBytes()).isBetween(63L << 40, 64L << 40);
        assertThat(machine.memoryBytes()).isZero();
      }
      child.getOutputStream().write('\n');
      child.getOutputStream().flush();
      assertThat(child.inputReader().readLine()).isEqualTo("over");
      assertThat(Machine.here(temp).memoryBytes()).isPositive();
    } finally {
      child.destroyForcibly().waitFor();
    }
  }

  @Test
  void aProcessThatIsKilledTakesNothing() throws Exception {
    Process child = holder();
    child.destroyForcibly().waitFor();
    assertThat(temp.resolve("memory").toFile().list()).hasSize(2);
    Machine machine = Machine.here(temp);
    assertThat(machine.others().runs()).isZero();
    assertThat(machine.memoryBytes()).isPositive();
    assertThat(temp.resolve("memory").toFile().list()).containsExactly("lock");
  }
}
