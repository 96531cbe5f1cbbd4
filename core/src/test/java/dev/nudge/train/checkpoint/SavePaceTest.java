package dev.nudge.train.checkpoint;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

class SavePaceTest {
  private long seconds;

  private SavePace pace(long bytes) {
    return new SavePace(bytes, () -> seconds * 1_000_000_000L);
  }

  private void assertDueBehind(int first, SavePace pace) {
    seconds += first - 1;
    assertThat(pace.isDue()).isFalse();
    seconds++;
    assertThat(pace.isDue()).isTrue();
  }

  private void save(int takes, SavePace pace) {
    pace.timed(() -> seconds += takes).run();
    pace.ended();
  }

  @Test
  void aSaveTakesATwentiethOfTheTimeAtMost() {
    SavePace pace = pace(0);
    assertDueBehind(180, pace);
    save(1, pace);
    assertDueBehind(180, pace); // not each 19 seconds
    save(60, pace);
    assertDueBehind(19 * 60, pace);
    save(2, pace);
    assertDueBehind(180, pace); // it was slow once
  }

  @Test
  void theFirstOfManyBytesIsGuessed() {
    SavePace pace = pace(40_000_000_000L); // 100 seconds at 400 MB/s
    assertDueBehind(1900, pace);
    save(20, pace);
    assertDueBehind(380, pace);
  }

  @Test
  void whatFailsIsNotTimed() {
    SavePace pace = pace(0);
    try {
      pace.timed(
              () -> {
                seconds += 5000;
                throw new IllegalStateException("the test's");
              })
          .run();
    } catch (IllegalStateException e) {
      pace.ended();
    }
    assertDueBehind(180, pace);
  }
}
