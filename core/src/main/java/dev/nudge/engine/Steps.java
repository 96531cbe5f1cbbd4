package dev.nudge.engine;

import dev.nudge.adapter.NamedAdapters;
import dev.nudge.model.CausalLm;
import dev.nudge.model.Prefill;
import dev.nudge.tensor.Tensor;
import dev.nudge.tensor.Workspace;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Objects;
import java.util.function.BooleanSupplier;
import org.jspecify.annotations.Nullable;

/// Runs the steps of an engine: decode, then prefill; scoring and embedding come between steps.
///
/// Threading: confined to the engine's thread.
final class Steps {
  private static final int GUESSING = 4; // sequences beside which guesses pay

  private final CausalLm model;
  private final NamedAdapters adapters;
  private final Admission admission;
  private long promptTokens;
  private long cachedTokens;
  private long saidTokens;

  /// @param admission where what runs has its room
  Steps(CausalLm model, NamedAdapters adapters, Admission admission) {
    this.model = model;
    this.adapters = adapters;
    this.admission = admission;
  }

  Load load() {
    return admission.load(promptTokens, cachedTokens, saidTokens);
  }

  /// Drops the keys of an adapter that is gone.
  void forget(NamedAdapters.Attachment attachment) {
    admission.forget(attachment);
  }

  /// One token or more of each sequence that answers, and some of the prompts. Those of low
  /// priority pause while there are others.
  void step(List<Sequence> all) {
    List<Sequence> high = all.stream().filter(s -> !s.ask.low()).toList();
    List<Sequence> running = high.isEmpty() ? all : high;
    for (Sequence s : running) {
      if (model.config().turnsAnew(s.cache().length(), s.count())) {
        s.cache().cut(0); // a long sequence turns otherwise, so all of it is read again
      }
    }
    List<Sequence> answering = new ArrayList<>();
    List<Sequence> reading = new ArrayList<>();
    running.forEach(s -> (s.reads() ? reading : answering).add(s));
    while (!answering.isEmpty()) {
      List<Sequence> together = together(answering);
      answering.removeAll(together);
      within(together, () -> decode(together, running.size()));
    }
    if (!reading.isEmpty() && !gathers(reading, running.size())) {
      List<Sequence> together = together(reading);
      within(together, () -> read(together, running));
    }
  }

  /// Whether prompts wait for those behind them. A pass that reads packs, or makes, every weight
  /// however few its tokens are; so prompts that may wait do, while more are to come and others
  /// answer, until they are half of what runs or fill a pass.
  private boolean gathers(List<Sequence> reading, int running) {
    return admission.more()
        && 2 * reading.size() < running
        && reading.stream().allMatch(s -> s.ask.patient())
        && reading.stream().mapToInt(Sequence::unread).sum() < admission.room().tokens();
  }

  /// The mean of the last hidden states of a text.
  ///
  /// @param scoring whether rows are scored that need the room which they have
  /// @return null: there is no room now
  float @Nullable [] embed(EmbedJob job, List<Sequence> running, boolean scoring) {
    float[][] mean = new float[1][];
    adapters.within(
        job.attachment.alone(),
        job.attachment.number() >= 0,
        () -> {
          try (Workspace ws = admission.workspace(job, running, scoring)) {
            if (ws != null) {
              mean[0] = model.inference().embed(job.ids, job.attachment.number(), ws);
            }
          }
        });
    return mean[0];
  }

  /// Scores rows, some or all that are missing, or none where there is no room yet.
  ///
  /// @return whether none is missing any more
  boolean score(ScoreJob job, List<Sequence> running, BooleanSupplier pause) {
    boolean[] done = new boolean[1];
    adapters.within(
        job.adapter,
        false,
        () -> {
          if (job.begun() || admission.begin(job, running)) {
            done[0] = job.go(pause);
          }
        });
    return done[0];
  }

  /// Those whose steps may be the first one's.
  private static List<Sequence> together(List<Sequence> all) {
    String alone = all.getFirst().attachment.alone();
    return all.stream().filter(s -> Objects.equals(alone, s.attachment.alone())).toList();
  }

  private void within(List<Sequence> together, Runnable passes) {
    boolean banked = together.stream().anyMatch(s -> s.attachment.number() >= 0);
    adapters.within(together.getFirst().attachment.alone(), banked, passes);
  }

  /// @param any in any order
  private void decode(List<Sequence> any, int beside) {
    List<Sequence> together = new ArrayList<>(any);
    together.sort(
        Comparator.comparingInt(s -> s.attachment.number())); // one adapter's are one product
    int most = beside <= GUESSING ? Drafts.MOST : 0;
    int[] ids = new int[Limits.ROWS];
    int[] lengths = new int[together.size()];
    int rows = 0;
    for (int i = 0; i < lengths.length; i++) {
      Sequence s = together.get(i);
      ids[rows] = s.ids()[s.count() - 1];
      int room = Math.min(most, s.positions - s.count());
      int guessed = s.drafts.guess(s.ids(), s.count(), ids, rows + 1, room);
      lengths[i] = 1 + guessed;
      rows += lengths[i];
    }
    Tensor logits =
        model
            .inference()
            .decode(
                Arrays.copyOf(ids, rows),
                lengths,
                together.stream().map(Sequence::cache).toList(),
                numbers(together),
                admission.room().workspace(),
                admission.room().team());
    for (int i = 0, row = 0; i < lengths.length; row += lengths[i++]) {
      take(together.get(i), logits, row, lengths[i] - 1, ids);
    }
  }

  /// Takes a sequence's token, and those of its guesses that are right.
  private void take(Sequence s, Tensor logits, int row, int guessed, int[] ids) {
    int right = 0;
    int before = s.count();
    try {
      while (s.next(logits, row + right)
          && right < guessed
          && s.ids()[before + right] == ids[row + right + 1]) {
        right++;
      }
    } catch (RuntimeException | Error e) {
      s.fail(e);
    }
    int said = s.branched() && !s.done() ? 0 : right + 1;
    saidTokens += said;
    s.charge(said);
    if (!s.done()) {
      s.cache().cut(s.branched() && turns(s) ? 0 : before + right);
      s.drafts.learn(guessed, right);
    }
  }

  /// Reads pieces of prompts, first of the client that has had the fewest tokens: a long prompt of
  /// one does not hold up a short one of another.
  private void read(List<Sequence> any, List<Sequence> running) {
    List<Sequence> together = new ArrayList<>(any);
    together.sort(Comparator.comparingDouble(Sequence::served));
    List<Sequence> fed = new ArrayList<>();
    List<Integer> lengths = new ArrayList<>();
    int left = admission.room().tokens();
    for (Sequence s : together) {
      boolean fresh = s.cache().length() == 0 && !turns(s);
      if (fresh && admission.kept().waits(s, running, this::turns)) {
        continue; // what it shares with another prompt is being read
      }
      if (fresh) {
        int there = s.cache().length();
        cachedTokens += there;
        promptTokens += there;
        s.ticket.cached(there);
      }
      int rest = s.unread();
      boolean whole = model.config().turnsAnew(1, s.count()); // its turns depend on all of it
      int piece = rest <= left ? rest : whole ? 0 : left / Limits.BLOCK * Limits.BLOCK;
      if (piece > 0) {
        fed.add(s);
        lengths.add(piece);
        left -= piece;
      }
    }
    if (!fed.isEmpty()) {
      feed(fed, lengths.stream().mapToInt(i -> i).toArray());
    }
  }

  /// Whether a sequence may become one whose tokens are turned otherwise than a short one's.
  private boolean turns(Sequence s) {
    return model.config().turnsAnew(1, s.positions);
  }

  private void feed(List<Sequence> fed, int[] lengths) {
    int[] ids = new int[Arrays.stream(lengths).sum()];
    List<Integer> ended = new ArrayList<>();
    List<Integer> heard = new ArrayList<>();
    List<Integer> silent = new ArrayList<>();
    int[] before = new int[lengths.length];
    for (int i = 0, at = 0; i < lengths.length; at += lengths[i++]) {
      Sequence s = fed.get(i);
      int from = s.cache().length();
      before[i] = from;
      if (s.hears(from, lengths[i])) {
        heard.add(i);
        silent.add(s.silent(from));
      }
      System.arraycopy(s.ids(), from, ids, at, lengths[i]);
      promptTokens += lengths[i];
      s.charge(lengths[i]);
      if (from + lengths[i] == s.count()) {
        ended.add(i);
      }
    }
    Tensor logits =
        model
            .inference()
            .prefill(
                new Prefill(
                    ids,
                    lengths,
                    fed.stream().map(Sequence::cache).toList(),
                    numbers(fed),
                    ended.stream().mapToInt(i -> i).toArray(),
                    heard.stream().mapToInt(i -> i).toArray(),
                    silent.stream().mapToInt(i -> i).toArray(),
                    (i, at, rows, row) -> fed.get(i).read(rows, row, before[i] + at)),
                admission.room().workspace(),
                admission.room().team());
    fed.stream().filter(s -> !turns(s)).forEach(admission.kept()::keep);
    for (int row = 0; row < ended.size(); row++) {
      take(fed.get(ended.get(row)), logits, row, 0, ids);
    }
  }

  private static int[] numbers(List<Sequence> of) {
    return of.stream().mapToInt(s -> s.attachment.number()).toArray();
  }
}
