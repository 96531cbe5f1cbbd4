package dev.nudge.engine;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Arrays;
import org.junit.jupiter.api.Test;

class DraftsTest {
  private final Drafts drafts = new Drafts(true);

  private int[] guess(int room, int... ids) {
    int[] to = new int[20];
    int found = drafts.guess(Arrays.copyOf(ids, ids.length + 9), ids.length, to, 2, room);
    return Arrays.copyOfRange(to, 2, 2 + found);
  }

  @Test
  void guessesWhatFollowedTheLastTime() {
    assertThat(guess(9, 1, 2, 3, 4, 5, 6, 1, 2, 3)).containsExactly(4, 5, 6);
    assertThat(guess(9, 7, 1, 2, 3, 4, 5, 9, 1, 2, 3, 6, 7, 1, 2, 3)).containsExactly(4, 5, 9);
    assertThat(guess(2, 1, 2, 3, 4, 5, 6, 1, 2, 3)).containsExactly(4, 5);
    assertThat(guess(9, 9, 2, 3, 4, 7, 2, 3, 5, 2, 3)).containsExactly(5, 2, 3);
    assertThat(guess(9, 8, 8, 8)).containsExactly(8);
    assertThat(guess(9, 1, 2, 3, 4)).isEmpty();
    assertThat(guess(9, 1)).isEmpty();
    assertThat(guess(0, 1, 2, 3, 4, 1, 2, 3)).isEmpty();
    assertThat(new Drafts(false).guess(new int[] {1, 2, 1, 2}, 4, new int[9], 0, 9)).isZero();
  }

  @Test
  void guessesMoreWhereTheyComeTrueAndPausesWhereNot() {
    int[] same = new int[40];
    assertThat(guess(20, same)).hasSize(1);
    int[] ids = new int[60];
    for (int i = 0; i < 60; i++) {
      ids[i] = i % 20;
    }
    assertThat(guess(20, ids)).hasSize(3);
    drafts.learn(3, 3);
    assertThat(guess(20, ids)).hasSize(7);
    drafts.learn(7, 2);
    assertThat(guess(20, ids)).hasSize(3);
    drafts.learn(3, 0);
    assertThat(guess(20, ids)).hasSize(3); // one miss is no sign
    for (int wrong = 2; wrong < 9; wrong++) {
      drafts.learn(3, 0);
      for (int i = 0; i < Math.min(8, 1 << (wrong - 1)); i++) {
        assertThat(guess(20, ids)).isEmpty();
      }
      assertThat(guess(20, ids)).hasSize(3);
    }
    drafts.learn(3, 1);
    assertThat(guess(20, ids)).hasSize(3);
  }
}
