package dev.nudge.nn;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.nudge.kernel.Kernels;
import dev.nudge.kernel.KeyValues;
import dev.nudge.tensor.Dtype;
import dev.nudge.tensor.Ledger;
import dev.nudge.tensor.Scope;
import dev.nudge.tensor.Tensor;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/// Hold a pool to what it hands out: each block to one writer, and back when nobody has it.
class KvPoolTest {
  private static final int LAYERS = 2;

  private final long before = Ledger.bytes();
  private Scope scope = Scope.open("test");
  private KvPool pool = KvPool.dry(1, 1, 1, 1, Dtype.F32, List.of());

  @BeforeEach
  void open() {
    pool = KvPool.open(LAYERS, 6, 4, 3, Dtype.F32, List.of());
    assertThat(Ledger.bytes() - before).isEqualTo(2L * LAYERS * 6 * 4 * 3 * 4);
  }

  @AfterEach
  void theLedgerEndsWhereItBegan() {
    pool.close();
    scope.close();
    assertThat(Ledger.bytes()).isEqualTo(before);
  }

  /// Feeds tokens whose keys are `first`, `first + 1` … and whose values are the negatives.
  private KeyValues feed(KvCache cache, int tokens, int first) {
    cache.reserve(tokens);
    Tensor k = scope.tensor(Dtype.F32, tokens, 3);
    Tensor v = scope.tensor(Dtype.F32, tokens, 3);
    for (int r = 0; r < tokens; r++) {
      for (int i = 0; i < 3; i++) {
        k.set(r, i, first + r);
        v.set(r, i, -first - r);
      }
    }
    cache.append(0, k, v, Kernels.plain());
    KeyValues last = cache.append(1, k, v, Kernels.plain());
    cache.advance(tokens);
    return last;
  }

  private static List<Integer> keys(KeyValues kv) {
    return IntStream.range(0, kv.rows())
        .mapToObj(
            i -> {
              KeyValues.Piece p = kv.pieces(i, i + 1).getFirst();
              assertThat(p.values().get(0, 2)).isEqualTo(-p.keys().get(0, 2));
              return (int) p.keys().get(0, 2);
            })
        .toList();
  }

  @Test
  void newTokensGoIntoTheBlocksTheyBelongTo() {
    try (KvCache one = pool.cache();
        KvCache other = pool.cache()) {
      feed(one, 3, 10);
      feed(other, 1, 50);
      assertThat(keys(feed(one, 7, 13))).isEqualTo(List.of(10, 11, 12, 13, 14, 15, 16, 17, 18, 19));
      assertThat(one.length()).isEqualTo(10);
      assertThat(pool.free()).isEqualTo(2);
      assertThat(keys(feed(other, 4, 51))).isEqualTo(List.of(50, 51, 52, 53, 54));
    }
    assertThat(pool.free()).isEqualTo(6);
  }

  @Test
  void freedBlocksAreGivenAgain() {
    try (KvCache kept = pool.cache()) {
      feed(kept, 4, 1);
      for (int i = 0; i < 5; i++) {
        try (KvCache cache = pool.cache()) {
          feed(cache, 20, 100 * i);
          assertThat(pool.free()).isZero();
          cache.clear();
          assertThat(pool.free()).isEqualTo(5);
          assertThat(keys(feed(cache, 5, 7))).isEqualTo(List.of(7, 8, 9, 10, 11));
        }
      }
      assertThat(keys(feed(kept, 1, 5))).isEqualTo(List.of(1, 2, 3, 4, 5));
    }
  }

  @Test
  void aPoolThatIsExhaustedSaysSoAndTakesNothing() {
    try (KvCache one = pool.cache();
        KvCache other = pool.cache()) {
      feed(one, 18, 0);
      assertThatThrownBy(() -> other.reserve(5))
          .isInstanceOf(KvPool.Exhausted.class)
          .hasMessage(
              "too little KV cache: a sequence needs 2 more of its blocks of 4 positions, 1"
                  + " of 6 are free; close or clear another sequence, or open a larger pool");
      assertThat(pool.free()).isEqualTo(1);
      feed(one, 2, 18); // room that it has
      one.clear();
      assertThat(keys(feed(other, 5, 30))).isEqualTo(List.of(30, 31, 32, 33, 34));
    }
  }

  @Test
  void onlyFullBlocksAreSharedAndTheyOutliveTheirWriter() {
    KvCache one = pool.cache();
    feed(one, 11, 0);
    try (KvCache fork = pool.cache(one.full(10));
        KvCache none = pool.cache(one.full(3))) {
      assertThat(none.length()).isZero();
      assertThat(fork.length()).isEqualTo(8);
      assertThat(pool.free()).isEqualTo(3); // nothing was taken
      assertThat(keys(feed(fork, 2, 90))).isEqualTo(List.of(0, 1, 2, 3, 4, 5, 6, 7, 90, 91));
      assertThat(keys(feed(one, 1, 11))).isEqualTo(List.of(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11));
      one.close();
      assertThat(pool.free()).isEqualTo(3); // one's third block came back, two are the fork's too
      feed(none, 12, 40);
      assertThat(keys(feed(fork, 1, 92))).isEqualTo(List.of(0, 1, 2, 3, 4, 5, 6, 7, 90, 91, 92));
    }
    assertThat(pool.free()).isEqualTo(6);
  }

  @Test
  void blocksThatAreKeptOutliveTheirCacheUntilOthersAreWanted() {
    KvCache one = pool.cache();
    feed(one, 9, 0);
    List<Integer> full = one.full(9);
    full.forEach(pool::keep);
    assertThat(pool.idle()).isZero();
    one.close();
    assertThat(pool.idle()).isEqualTo(2);
    assertThat(pool.free()).isEqualTo(4);
    try (KvCache other = pool.cache(full)) {
      assertThat(pool.idle()).isZero();
      assertThat(keys(feed(other, 1, 50))).isEqualTo(List.of(0, 1, 2, 3, 4, 5, 6, 7, 50));
    }
    assertThat(pool.idle()).isEqualTo(2);
    List<Integer> asked = new ArrayList<>();
    pool.reclaim(
        blocks -> {
          asked.add(blocks);
          full.forEach(pool::letGo);
        });
    KvCache wide = pool.cache();
    feed(wide, 16, 0);
    assertThat(asked).isEmpty(); // as long as others are free
    feed(wide, 8, 16);
    assertThat(asked).containsExactly(2);
    assertThat(pool.free()).isZero();
    wide.close();
    assertThat(pool.free()).isEqualTo(6);
    assertThat(pool.idle()).isZero();
  }
}
