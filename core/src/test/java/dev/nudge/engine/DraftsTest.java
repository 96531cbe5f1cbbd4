package dev.nudge.engine;

import static org.assertj.core.api.Assertions.assertThat;

import dev.nudge.Seeds;
import java.util.Arrays;
import java.util.Random;
import org.junit.jupiter.api.Test;

class DraftsTest {
  private Drafts drafts = new Drafts(true);

  private int[] fresh(int room, int... ids) {
    drafts = new Drafts(true);
    return guess(room, ids);
  }

  private int[] guess(int room, int... ids) {
    int[] to = new int[20];
    int found = drafts.guess(Arrays.copyOf(ids, ids.length + 9), ids.length, to, 2, room);
    return Arrays.copyOfRange(to, 2, 2 + found);
  }

  @Test
  void guessesWhatFollowedTheLastTime() {
    assertThat(fresh(9, 1, 2, 3, 4, 5, 6, 1, 2, 3)).containsExactly(4, 5, 6);
    assertThat(fresh(9, 7, 1, 2, 3, 4, 5, 9, 1, 2, 3, 6, 7, 1, 2, 3)).containsExactly(4, 5, 9);
    assertThat(fresh(2, 1, 2, 3, 4, 5, 6, 1, 2, 3)).containsExactly(4, 5);
    assertThat(fresh(9, 9, 2, 3, 4, 7, 2, 3, 5, 2, 3)).containsExactly(5, 2, 3);
    assertThat(fresh(9, 8, 8, 8)).containsExactly(8);
    assertThat(fresh(9, 1, 2, 3, 4)).isEmpty();
    assertThat(fresh(9, 1)).isEmpty();
    assertThat(fresh(0, 1, 2, 3, 4, 1, 2, 3)).isEmpty();
    assertThat(new Drafts(false).guess(new int[] {1, 2, 1, 2}, 4, new int[9], 0, 9)).isZero();
  }

  @Test
  void guessesAreThoseOfALookAtAllTokens() {
    Random random = new Random(Seeds.next());
    for (int kinds : new int[] {2, 5, 30, 5000}) {
      int[] ids = random.ints(900, 0, kinds).toArray();
      drafts = new Drafts(true);
      for (int count = 1; count < ids.length; count += 1 + random.nextInt(3)) {
        int[] to = new int[20];
        int found = drafts.guess(ids, count, to, 2, 9);
        int from = looked(ids, count);
        int[] wanted =
            from < 0 ? new int[0] : Arrays.copyOfRange(ids, from, Math.min(from + 3, count));
        assertThat(Arrays.copyOfRange(to, 2, 2 + found)).isEqualTo(wanted);
      }
    }
  }

  private static int looked(int[] ids, int count) {
    for (int n = Math.min(4, count - 1); n >= 2; n--) {
      for (int end = count - 1; end >= n; end--) {
        if (Arrays.equals(ids, end - n, end, ids, count - n, count)) {
          return end;
        }
      }
    }
    return -1;
  }

  @Test
  void guessesMoreWhereTheyComeTrueAndPausesWhereNot() {
    int[] same = new int[40];
    assertThat(fresh(20, same)).hasSize(1);
    drafts = new Drafts(true);
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
