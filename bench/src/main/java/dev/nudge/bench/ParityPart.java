package dev.nudge.bench;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;

/// One part of the parity study: what is done in one go and leaves one file.
///
/// @param rate of a pilot; 0 elsewhere: others take the best of their pilots
/// @param seed of the run: where adapters begin, and the order of the rows
/// @param loop that a part to find epochs and warm-up tries; runs take the best
record ParityPart(
    ParityDomain domain, Kind kind, ParityMethod method, double rate, int seed, ParityLoop loop) {
  private static final int SIDE_DOMAINS = 2;

  /// What a part is for.
  enum Kind {
    /// The model as it is.
    BASE,
    /// A rate, tried on a tenth of the rows.
    PILOT,
    /// Epochs and warm-up, tried on all rows.
    TUNE,
    /// A training run with its evaluation.
    RUN,
    /// The same with another adapter.
    SIDE
  }

  private static ParityPart of(ParityDomain domain, Kind kind, ParityMethod method, int seed) {
    return new ParityPart(domain, kind, method, 0, seed, ParityLoop.PLAN);
  }

  /// All parts in their order: what settings are chosen by, then the runs of LoRA and full, one
  /// domain whole after another and the one that told most in three seeds last, then what stands
  /// beside. So a study that was broken off says all about some domains.
  static List<ParityPart> all() {
    List<ParityPart> all = new ArrayList<>();
    for (ParityDomain domain : ParityDomain.ALL) {
      all.add(of(domain, Kind.BASE, ParityMethod.BASE, 0));
      all.add(of(domain, Kind.BASE, ParityMethod.BASE_NF4, 0));
      ParityMethod.MAIN.forEach(method -> all.addAll(pilotsOf(domain, method)));
    }
    for (ParityDomain domain : side()) {
      ParityMethod.PAIR.forEach(method -> all.addAll(loops(domain, method)));
    }
    List<ParityDomain> order = new ArrayList<>(ParityDomain.ALL);
    Collections.rotate(order, -1);
    order.forEach(domain -> runs(domain, Kind.RUN, ParityMethod.PAIR, all));
    order.forEach(domain -> runs(domain, Kind.RUN, List.of(ParityMethod.QLORA), all));
    side().forEach(domain -> runs(domain, Kind.SIDE, ParityMethod.SIDE, all));
    for (ParityDomain domain : side()) {
      ParityMethod.VARIANTS.forEach(method -> all.addAll(pilotsOf(domain, method)));
      runs(domain, Kind.SIDE, ParityMethod.VARIANTS, all);
    }
    return all;
  }

  /// Seed after seed, so that methods can be compared early.
  private static void runs(
      ParityDomain domain, Kind kind, List<ParityMethod> methods, List<ParityPart> all) {
    int first = methods.getFirst().firstSeed();
    for (int seed = first; seed < first + methods.getFirst().seeds(); seed++) {
      for (ParityMethod method : methods) {
        all.add(of(domain, kind, method, seed));
      }
    }
  }

  private static List<ParityPart> pilotsOf(ParityDomain domain, ParityMethod method) {
    return method.rates().stream()
        .map(r -> new ParityPart(domain, Kind.PILOT, method, r, 0, ParityLoop.PLAN))
        .toList();
  }

  /// The domains with side runs.
  static List<ParityDomain> side() {
    return ParityDomain.ALL.subList(0, SIDE_DOMAINS);
  }

  /// The pilots that choose the rate of a method.
  static List<ParityPart> pilots(ParityDomain domain, ParityMethod method) {
    return pilotsOf(domain, method.piloted());
  }

  /// The parts that choose epochs and warm-up of a method.
  static List<ParityPart> loops(ParityDomain domain, ParityMethod method) {
    return Arrays.stream(ParityLoop.values())
        .map(loop -> new ParityPart(domain.tuned(), Kind.TUNE, method.tuned(), 0, 0, loop))
        .toList();
  }

  /// Its name, and that of its file: `finance-lora-0`, `finance-pilot-lora-3e-4`,
  /// `finance-tune-lora-longer`.
  String name() {
    return switch (kind) {
      case BASE -> domain.name() + "-" + method.id();
      case PILOT -> domain.name() + "-pilot-" + method.id() + "-" + ParityMethod.written(rate);
      case TUNE -> domain.name() + "-tune-" + method.id() + "-" + loop.id();
      case RUN, SIDE -> domain.name() + "-" + method.id() + "-" + seed;
    };
  }

  /// Whether it is a run, with documents.
  boolean isRun() {
    return kind == Kind.RUN || kind == Kind.SIDE;
  }

  /// Whether it tries a setting, judged by held-out loss; then it may diverge.
  boolean isTrial() {
    return kind == Kind.PILOT || kind == Kind.TUNE;
  }

  /// Whether a word of `--only` means this part: a domain, a method, a kind, or a part's name.
  boolean is(String word) {
    return word.equals(name())
        || word.equals(domain.name())
        || word.equals(method.id())
        || word.equalsIgnoreCase(kind.name());
  }
}
