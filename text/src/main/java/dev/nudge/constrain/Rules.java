package dev.nudge.constrain;

import dev.nudge.constrain.Work.TooLarge;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.BitSet;
import java.util.Deque;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.IntConsumer;

/// A context-free grammar over bytes: rules, each an automaton from its start to its end, whose
/// edges are a character set, the empty string, or a call of a rule.
///
/// A state within a character, after some of its bytes, is made when a text reaches it: it is a
/// node of the character's [Utf8Ranges] and the state after the character.
///
/// Calls let a schema contain itself. A rule never matches the empty string, and at least one byte
/// of a rule precedes its calls (except in the first rule), so there is no left recursion.
///
/// Threading: one thread at a time, also after [#seal]: steps use scratch arrays and add states.
final class Rules {
  private static final int LETTERS = -1;
  private static final int SKIP = -2;
  private static final int CALL = -3;
  private static final int MOST_WITHIN = 200_000;
  private static final int BYTES = 256;
  private static final long EDGE = 100; // bytes of a tree node with its edge, about
  private static final long WITHIN = 100;

  /// The position of a text within a character: a node, and the state after the character.
  private record Within(Utf8Ranges letters, int node, int target) {}

  private int states;
  private int edges;
  private int[] first = new int[64]; // by state: its newest edge, or -1
  private int[] kindOf = new int[64]; // of an edge: LETTERS, SKIP or CALL
  private int[] operand = new int[64]; // number of the letters, or the rule that is called
  private int[] to = new int[64];
  private int[] next = new int[64];
  private int rules;
  private int[] starts = new int[8];
  private int[] ends = new int[8];

  private BitSet live = new BitSet();
  private BitSet last = new BitSet();
  private final int[] kind = new int[BYTES];
  private int[] sample = {};

  private final List<Utf8Ranges> letters = new ArrayList<>();
  private final Map<Utf8Ranges, Integer> numbers = new HashMap<>();
  private final List<Within> within = new ArrayList<>(); // states from `states` on
  private final Map<Within, Integer> names = new HashMap<>();

  private int[] seen = {}; // by state: the last round that reached it
  private int[] stack = new int[64];
  private int found;
  private int round;

  int state() {
    CharNfa.checkStates(states);
    Work.add(1);
    first = states == first.length ? Arrays.copyOf(first, 2 * states) : first;
    first[states] = -1;
    return states++;
  }

  /// Adds a rule; the first one is the rule of the whole text.
  int rule() {
    if (rules == starts.length) {
      starts = Arrays.copyOf(starts, 2 * rules);
      ends = Arrays.copyOf(ends, 2 * rules);
    }
    starts[rules] = state();
    ends[rules] = state();
    return rules++;
  }

  int count() {
    return rules;
  }

  int start(int rule) {
    return starts[rule];
  }

  int end(int rule) {
    return ends[rule];
  }

  void letters(int from, Utf8Ranges of, int target) {
    if (!of.isEmpty()) {
      Integer number = numbers.putIfAbsent(of, letters.size());
      if (number == null) {
        number = letters.size();
        letters.add(of);
      }
      edge(from, LETTERS, number, target);
    }
  }

  void skip(int from, int target) {
    edge(from, SKIP, 0, target);
  }

  void call(int from, int rule, int target) {
    edge(from, CALL, rule, target);
  }

  private void edge(int from, int kind, int of, int target) {
    Work.add(1);
    if (edges == to.length) {
      kindOf = Arrays.copyOf(kindOf, 2 * edges);
      operand = Arrays.copyOf(operand, 2 * edges);
      to = Arrays.copyOf(to, 2 * edges);
      next = Arrays.copyOf(next, 2 * edges);
    }
    kindOf[edges] = kind;
    operand[edges] = of;
    to[edges] = target;
    next[edges] = first[from];
    first[from] = edges++;
  }

  /// Ends construction: finds the states from which the end of their rule can be reached, and the
  /// byte classes.
  ///
  /// @return whether the grammar accepts any text
  boolean seal() {
    last = new BitSet(states);
    for (int r = 0; r < rules; r++) {
      last.set(ends[r]);
    }
    live = alive();
    first = Arrays.copyOf(first, states);
    kindOf = Arrays.copyOf(kindOf, edges);
    operand = Arrays.copyOf(operand, edges);
    to = Arrays.copyOf(to, edges);
    next = Arrays.copyOf(next, edges);
    BitSet cuts = new BitSet(BYTES + 1);
    for (Utf8Ranges of : letters) {
      for (int node = 0; node < of.size(); node++) {
        for (int[] edge : of.edges(node)) {
          cuts.set(edge[0]);
          cuts.set(edge[1] + 1);
        }
      }
    }
    int kinds = 0;
    sample = new int[BYTES];
    for (int b = 0; b < BYTES; b++) {
      kinds += b > 0 && cuts.get(b) ? 1 : 0;
      kind[b] = kinds;
      sample[kinds] = b;
    }
    sample = Arrays.copyOf(sample, kinds + 1);
    return live.get(starts[0]);
  }

  /// Searches backwards from all ends; a call edge counts once the start of its rule is alive.
  private BitSet alive() {
    int[] into = new int[states]; // by state: an edge that leads there, or -1
    int[] other = new int[edges];
    int[] source = new int[edges];
    int[] caller = new int[rules]; // by rule: an edge that calls it, or -1
    int[] callers = new int[edges];
    Arrays.fill(into, -1);
    Arrays.fill(caller, -1);
    for (int s = 0; s < states; s++) {
      for (int e = first[s]; e >= 0; e = next[e]) {
        source[e] = s;
        other[e] = into[to[e]];
        into[to[e]] = e;
        if (kindOf[e] == CALL) {
          callers[e] = caller[operand[e]];
          caller[operand[e]] = e;
        }
      }
    }
    int[] ruleOf = new int[states];
    Arrays.fill(ruleOf, -1);
    for (int r = 0; r < rules; r++) {
      ruleOf[starts[r]] = r;
    }
    BitSet found = new BitSet(states);
    Deque<Integer> todo = new ArrayDeque<>();
    IntConsumer reach =
        s -> {
          if (!found.get(s)) {
            found.set(s);
            todo.push(s);
          }
        };
    last.stream().forEach(reach);
    while (!todo.isEmpty()) {
      int s = todo.pop();
      for (int e = into[s]; e >= 0; e = other[e]) {
        if (kindOf[e] != CALL || found.get(starts[operand[e]])) {
          reach.accept(source[e]);
        }
      }
      if (ruleOf[s] >= 0) {
        for (int e = caller[ruleOf[s]]; e >= 0; e = callers[e]) {
          if (found.get(to[e])) {
            reach.accept(source[e]);
          }
        }
      }
    }
    return found;
  }

  /// Estimates the bytes that this grammar takes.
  long bytes() {
    long trees = letters.stream().mapToLong(of -> EDGE * of.size()).sum();
    return 4L * (2 * first.length + 4 * to.length + stack.length) + trees + WITHIN * within.size();
  }

  /// Returns the number of byte classes: no edge distinguishes the bytes of a class.
  int kinds() {
    return sample.length;
  }

  int kind(int unsigned) {
    return kind[unsigned];
  }

  /// Returns the states after a byte of a class and empty edges, from any of `from`; sorted.
  int[] step(int[] from, int ofKind) {
    int b = sample[ofKind];
    begin();
    for (int s : from) {
      if (s >= states) {
        Within at = within.get(s - states);
        step(at.letters, at.node, b, at.target);
        continue;
      }
      for (int e = first[s]; e >= 0; e = next[e]) {
        if (kindOf[e] == LETTERS && live.get(to[e])) {
          step(letters.get(operand[e]), Utf8Ranges.ROOT, b, to[e]);
        }
      }
    }
    return closed();
  }

  private void step(Utf8Ranges of, int node, int b, int target) {
    for (int[] edge : of.edges(node)) {
      if (edge[0] <= b && b <= edge[1]) {
        reach(edge[2] == Utf8Ranges.DONE ? target : within(new Within(of, edge[2], target)));
      }
    }
  }

  private int within(Within at) {
    Integer known = names.get(at);
    if (known == null) {
      if (within.size() == MOST_WITHIN) {
        throw new TooLarge("%,d places within characters".formatted(MOST_WITHIN));
      }
      known = states + within.size();
      names.put(at, known);
      within.add(at);
    }
    return known;
  }

  /// Returns the states reached from some states without a byte (their epsilon closure), without
  /// the states that have only empty edges.
  int[] closed(int[] of) {
    begin();
    for (int s : of) {
      reach(s);
    }
    return closed();
  }

  private void begin() {
    round++;
    found = 0;
  }

  private void reach(int state) {
    if (state >= seen.length) {
      seen = Arrays.copyOf(seen, Math.max(2 * state, states));
    }
    if (seen[state] != round && (state >= states || live.get(state))) {
      seen[state] = round;
      stack = found == stack.length ? Arrays.copyOf(stack, 2 * found) : stack;
      stack[found++] = state;
    }
  }

  private int[] closed() {
    int kept = 0;
    for (int i = 0; i < found; i++) {
      int s = stack[i];
      boolean keep = s >= states || last.get(s);
      for (int e = s >= states ? -1 : first[s]; e >= 0; e = next[e]) {
        if (kindOf[e] == SKIP) {
          reach(to[e]);
        } else {
          keep = true;
        }
      }
      if (keep) {
        stack[kept++] = s; // kept <= i: the overwritten entry was visited
      }
    }
    int[] made = Arrays.copyOf(stack, kept);
    Arrays.sort(made);
    return made;
  }

  boolean isEnd(int state) {
    return last.get(state);
  }

  /// Whether any of some states has an edge on a byte.
  boolean reads(int[] from) {
    for (int s : from) {
      if (s >= states) {
        return true;
      }
      for (int e = first[s]; e >= 0; e = next[e]) {
        if (kindOf[e] == LETTERS && live.get(to[e])) {
          return true;
        }
      }
    }
    return false;
  }

  /// Reports each rule called from some states, and the state to which the call returns.
  void calls(int[] from, Called each) {
    for (int s : from) {
      for (int e = s >= states ? -1 : first[s]; e >= 0; e = next[e]) {
        if (kindOf[e] == CALL && live.get(to[e]) && live.get(starts[operand[e]])) {
          each.at(operand[e], to[e]);
        }
      }
    }
  }

  /// Receives a call.
  interface Called {
    void at(int rule, int back);
  }
}
