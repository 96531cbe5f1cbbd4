package dev.nudge.tensor;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.sun.management.ThreadMXBean;
import java.lang.management.ManagementFactory;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

@Timeout(value = 1800, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
class LaneGroupTest {
  private static final int ROUNDS = 3_000;

  /// Every lane writes its number of the round, waits and adds all: a lane too early or too late
  /// would see another round's.
  @ParameterizedTest
  @ValueSource(ints = {1, 2, 3, 4})
  void lanesSeeWhatTheOthersWroteAndNothingLater(int count) {
    try (Lanes lanes = new Lanes(count);
        LaneGroup group = new LaneGroup(count, 64)) {
      for (int step = 0; step < 2; step++) {
        group.reset();
        List<Long> wrong =
            lanes.run(
                lane -> {
                  LaneGroup.Member member = group.member(lane);
                  member.shared().release(0);
                  Tensor t = member.shared().take(Dtype.I64, count, 1);
                  long off = 0;
                  for (int round = 0; round < ROUNDS; round++) {
                    member.claim();
                    t.put(lane, round * 10L + lane);
                    member.meet();
                    for (int other = 0; other < count; other++) {
                      off += t.at(other) == round * 10L + other ? 0 : 1;
                    }
                    member.free();
                  }
                  return off;
                });
        assertThat(wrong).containsOnly(0L);
      }
    }
  }

  @Test
  void aFailingLaneDoesNotLeaveTheOthersWaiting() {
    try (Lanes lanes = new Lanes(3);
        LaneGroup group = new LaneGroup(3, 0)) {
      for (int step = 0; step < 50; step++) {
        group.reset();
        int failing = step % 3;
        assertThatThrownBy(
                () ->
                    lanes.run(
                        lane -> {
                          for (int i = 0; ; i++) {
                            if (lane == failing && i == 20) {
                              IllegalArgumentException e = new IllegalArgumentException("lane");
                              group.fail(e);
                              throw e;
                            }
                            group.member(lane).meet();
                          }
                        }))
            .isInstanceOf(IllegalArgumentException.class)
            .hasMessage("lane");
      }
      group.reset();
      assertThat(
              lanes.run(
                  lane -> {
                    group.member(lane).meet();
                    return lane;
                  }))
          .containsExactly(0, 1, 2);
    }
  }

  @Test
  void waitingAllocatesNothing() {
    ThreadMXBean threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();
    try (Lanes lanes = new Lanes(2);
        LaneGroup group = new LaneGroup(2, 0)) {
      List<Long> allocated =
          lanes.run(
              lane -> {
                LaneGroup.Member member = group.member(lane);
                long before = 0;
                for (int i = 0; i < ROUNDS; i++) {
                  before = i == ROUNDS / 2 ? threads.getCurrentThreadAllocatedBytes() : before;
                  member.claim();
                  member.meet();
                  member.free();
                }
                return threads.getCurrentThreadAllocatedBytes() - before;
              });
      assertThat(allocated).containsOnly(0L);
    }
  }

  @Test
  void aMeasuringTeamWaitsForNobodyAndCounts() throws InterruptedException {
    try (LaneGroup group = LaneGroup.measuring(4)) {
      Thread alone =
          new Thread(
              () -> {
                group.member(2).shared().take(Dtype.F32, 100, 3);
                group.member(2).claim();
                group.member(2).meet();
                group.member(2).free();
              });
      alone.start();
      alone.join();
      assertThat(group.member(2).shared().peak()).isEqualTo(1216);
    }
  }
}
