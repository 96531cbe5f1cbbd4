package dev.nudge.nn;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import org.junit.jupiter.api.Test;

class SequenceSplitTest {
  @Test
  void aLongSequenceIsCutAtMultiplesOf64() {
    SequenceSplit cut = SequenceSplit.of(4096, 2);
    assertThat(pieces(cut)).isEqualTo("0-1024 3072-4096, 1024-2048 2048-3072");
    assertThat(cut.rows(0)).isEqualTo(2048);
    assertThat(cut.seen(1)).isEqualTo(3072);
    assertThat(pieces(SequenceSplit.of(1000, 2))).isEqualTo("0-256 768-1000, 256-512 512-768");
  }

  @Test
  void aShortSequenceIsCutFiner() {
    assertThat(pieces(SequenceSplit.of(100, 2))).isEqualTo("0-24 72-100, 24-48 48-72");
    assertThat(pieces(SequenceSplit.of(5, 4))).isEqualTo("0-1 4-5, 1-1 3-4, 1-1 2-3, 1-1 1-2");
  }

  @Test
  void fewerTokensThanLanesAreRefused() {
    assertThatThrownBy(() -> SequenceSplit.of(2, 3))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage("a sequence of 2 tokens cannot be cut over 3 lanes");
  }

  @Test
  void everyTokenHasOneLaneAndNoLaneIsAheadByMoreThanAQuarter() {
    for (int lanes = 1; lanes <= 9; lanes++) {
      int widest = 0;
      for (int tokens = lanes; tokens <= 3_000; tokens++) {
        SequenceSplit cut = SequenceSplit.of(tokens, lanes);
        int[] owners = new int[tokens];
        double[] work = new double[lanes];
        for (int lane = 0; lane < lanes; lane++) {
          assertThat(cut.rows(lane)).isPositive();
          widest = Math.max(widest, cut.rows(lane));
          for (int part = 0; part < 2; part++) {
            for (int t = cut.from(lane, part); t < cut.to(lane, part); t++) {
              owners[t]++;
              work[lane] += t + 1;
            }
          }
        }
        assertThat(owners).containsOnly(1);
        assertThat(cut.seen(0)).isEqualTo(tokens);
        // what is reserved for the longest sequence is enough for all that are shorter
        SequenceSplit reserved = SequenceSplit.widest(tokens, lanes, tokens);
        assertThat(reserved.rows(0)).isGreaterThanOrEqualTo(widest);
        if (tokens >= 64 * lanes) {
          double mean = tokens * (tokens + 1.0) / 2 / lanes;
          for (double w : work) {
            assertThat(w / mean).as("%d over %d", tokens, lanes).isLessThan(1.25);
          }
        }
      }
    }
  }

  private static String pieces(SequenceSplit cut) {
    StringBuilder text = new StringBuilder();
    for (int lane = 0; lane < cut.lanes(); lane++) {
      text.append(lane == 0 ? "" : ", ");
      for (int part = 0; part < 2; part++) {
        text.append(part == 0 ? "" : " ");
        text.append(cut.from(lane, part)).append('-').append(cut.to(lane, part));
      }
    }
    return text.toString();
  }
}
