package dev.nudge.tensor;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.Arrays;
import java.util.concurrent.atomic.AtomicIntegerArray;
import org.junit.jupiter.api.Test;

class TeamTest {
  @Test
  void eachPieceIsDoneOnceInEveryRound() {
    for (int threads : new int[] {1, 2, 3, 8}) {
      try (Team team = new Team(threads)) {
        assertThat(team.threads()).isEqualTo(threads);
        for (int round = 0; round < 5000; round++) {
          int pieces = round % 13;
          int[] plain = new int[13];
          AtomicIntegerArray times = new AtomicIntegerArray(13);
          team.each(
              pieces,
              i -> {
                times.incrementAndGet(i);
                plain[i] = i + 1; // seen by the caller without more
              });
          for (int i = 0; i < 13; i++) {
            assertThat(times.get(i)).isEqualTo(i < pieces ? 1 : 0);
          }
          assertThat(Arrays.stream(plain).sum()).isEqualTo(pieces * (pieces + 1) / 2);
        }
      }
    }
  }

  @Test
  void helpersThatParkedAreWaked() throws InterruptedException {
    try (Team team = new Team(3)) {
      for (int round = 0; round < 20; round++) {
        while (!parked()) {
          Thread.sleep(1);
        }
        AtomicIntegerArray times = new AtomicIntegerArray(9);
        team.each(9, times::incrementAndGet);
        for (int i = 0; i < 9; i++) {
          assertThat(times.get(i)).isEqualTo(1);
        }
      }
    }
  }

  private static boolean parked() {
    return Thread.getAllStackTraces().keySet().stream()
        .filter(thread -> thread.getName().startsWith("team-"))
        .allMatch(thread -> thread.getState() == Thread.State.WAITING);
  }

  @Test
  void aFailureIsThrownWhenAllPiecesAreDoneAndTheNextRoundIsWhole() {
    try (Team team = new Team(2)) {
      AtomicIntegerArray times = new AtomicIntegerArray(50);
      assertThatThrownBy(
              () ->
                  team.each(
                      50,
                      i -> {
                        times.incrementAndGet(i);
                        if (i == 20) {
                          throw new IllegalStateException("piece " + i);
                        }
                      }))
          .hasMessage("piece 20");
      for (int i = 0; i < 50; i++) {
        assertThat(times.get(i)).isEqualTo(1);
      }
      team.each(50, times::incrementAndGet);
      assertThat(times.get(20)).isEqualTo(2);
    }
  }

  @Test
  void aClosedTeamLeavesNoThread() {
    Team team = new Team(4);
    team.each(4, i -> {});
    team.close();
    assertThat(Thread.getAllStackTraces().keySet())
        .noneMatch(t -> t.getName().startsWith("team-") && t.isAlive() && t.isInterrupted());
  }
}
