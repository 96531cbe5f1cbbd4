package dev.nudge.constrain;

import dev.nudge.constrain.Config.Local;
import dev.nudge.constrain.Config.Tail;
import dev.nudge.settings.InputException;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.BitSet;
import java.util.Comparator;
import java.util.Deque;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.function.IntConsumer;
import java.util.function.Supplier;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/// Runs [Rules] as a pushdown automaton, over the bytes of a text and over the token trie.
///
/// A state is a [Config]: pairs of a place in a rule ([Local], the set of the rule's states that
/// the text may be in) and the call stack of that rule ([Tail]). Both are made when a text first
/// reaches them, and interned.
///
/// The token mask is the union over the pairs. For one pair it has two parts:
///
/// ```
/// inside   tokens that lead on from the place and do not go beyond its rule's end,
///          however deep they call: these depend on the place alone
/// beyond   for each prefix of tokens at which the rule may end: the tokens below that
///          prefix, walked on from where the callers stand
/// ```
///
/// A walk descends the token trie and the automaton together and skips each subtree where the
/// automaton is dead. The first part walks over all tokens, but is the same at any depth and in any
/// property (the inside of a string is one rule), so it is computed once per place and cached. The
/// second is short, as few tokens end a rule.
///
/// The cache is bounded ([#limit]): beyond the bound it is cleared and refilled on demand; states
/// that callers still hold are renewed when used. A call that adds more than [#MOST_CALL] fails, as
/// it would block all other sequences.
///
/// Threading: every entry point takes the lock.
final class GrammarMatcher {
  /// Most ints that the cache keeps, about; 64 MB.
  private static final long MOST_WEIGHT = 16_000_000;

  /// Most ints that one call may add, about; 16 MB.
  private static final long MOST_CALL = 4_000_000;

  private static final int OBJECT = 24;

  private final Rules rules;
  private final TokenTrie words;
  private final BitSet ends;
  private final int maskWords;
  private volatile long most;

  private final Map<List<Integer>, Local> locals = new HashMap<>();
  private final Map<List<Object>, Tail> tails = new HashMap<>();
  private final Map<List<Object>, Config> configs = new HashMap<>();
  private final @Nullable Local[] starts; // by rule
  private int generation;
  private int numbers;
  private long weight;
  private long callMost = Long.MAX_VALUE; // weight at which this call fails
  private volatile long known; // weight after the last call

  GrammarMatcher(Rules rules, TokenTrie words, BitSet ends, long most) {
    this.rules = rules;
    this.words = words;
    this.ends = ends;
    this.most = most;
    this.maskWords = (Math.max(words.size(), ends.length()) + Long.SIZE - 1) / Long.SIZE;
    this.starts = new Local[rules.count()];
  }

  GrammarMatcher(Rules rules, TokenTrie words, BitSet ends) {
    this(rules, words, ends, MOST_WEIGHT);
  }

  long bytes() {
    return rules.bytes();
  }

  long cachedBytes() {
    return Integer.BYTES * known;
  }

  void limit(long bytes) {
    most = bytes / Integer.BYTES;
  }

  synchronized Config start() {
    return bounded(() -> closed(start(0), Tail.BOTTOM));
  }

  /// Runs a call and fails if it adds more than [#MOST_CALL] to the cache.
  private <T> T bounded(Supplier<T> call) {
    forget();
    callMost = weight + MOST_CALL;
    try {
      return call.get();
    } catch (Work.TooLarge e) {
      weight = Long.MAX_VALUE;
      throw new InputException(
          "the constraint has more than %s at one token; use smaller lengths and counts"
              .formatted(e.getMessage()),
          e);
    } finally {
      callMost = Long.MAX_VALUE;
      forget();
      known = weight;
    }
  }

  private void grow(long more) {
    weight += more;
    if (weight > callMost) {
      throw new Work.TooLarge("%,d MB of states".formatted(MOST_CALL * Integer.BYTES >> 20));
    }
  }

  synchronized Config push(Config given, int id) {
    return bounded(() -> pushed(given, id));
  }

  private Config pushed(Config given, int id) {
    if (id >= 0 && ends.get(id) && given.complete()) {
      return given;
    }
    byte[] bytes = words.bytes(id);
    Config at = renewed(given);
    for (int i = 0; bytes != null && i < bytes.length && !at.dead(); i++) {
      at = step(at, rules.kind(bytes[i] & 0xFF));
    }
    if (bytes == null || at.dead()) {
      throw new IllegalArgumentException("token " + id + " is not allowed here");
    }
    return at;
  }

  synchronized long[] allowed(Config given) {
    return bounded(() -> mask(given));
  }

  private long[] mask(Config given) {
    Config at = renewed(given);
    long[] mask = new long[maskWords];
    for (int i = 0; i < at.tops.length; i++) {
      Local top = at.tops[i];
      long[] inside = inside(top);
      for (int w = 0; w < mask.length; w++) {
        mask[w] |= inside[w];
      }
      beyond(top.left == null ? new int[0] : top.left, at.tails[i], mask);
    }
    if (at.complete()) {
      ends.stream().forEach(end -> mask[end >> 6] |= 1L << end);
    }
    grow(2L * mask.length);
    return mask;
  }

  private long[] inside(Local top) {
    long[] mask = top.mask;
    if (mask == null) {
      mask = new long[maskWords];
      IntStream.Builder left = IntStream.builder();
      Config single = config(List.of(Map.entry(top, Tail.BOTTOM)), false);
      walk(0, single, mask, left::add);
      top.left = left.build().toArray();
      top.mask = mask;
      grow(2L * mask.length + top.left.length);
    }
    return mask;
  }

  /// Adds the tokens below trie nodes at which a rule has ended.
  private void beyond(int[] nodes, Tail tail, long[] mask) {
    for (int i = 0; nodes.length > 0 && i < tail.back.length; i++) {
      Config back = closed(tail.back[i], Tail.BOTTOM);
      IntStream.Builder left = IntStream.builder();
      for (int node : nodes) {
        if (back.complete()) {
          left.add(node);
        }
        walk(node, back, mask, left::add);
      }
      beyond(left.build().toArray(), tail.under[i], mask);
    }
  }

  /// Adds the tokens below a node that can be read from `from`.
  ///
  /// @param left receives the inner nodes at which the rules of `from` may have ended
  private void walk(int root, Config from, long[] mask, IntConsumer left) {
    Config[] at = new Config[16]; // by depth below the root
    at[0] = from;
    int top = words.depth[root];
    for (int node = root + 1; node < words.after[root]; ) {
      int depth = words.depth[node] - top;
      Config next = step(at[depth - 1], rules.kind(words.label[node]));
      if (next.dead()) {
        node = words.after[node];
        continue;
      }
      words.add(node, mask);
      if (next.complete() && words.after[node] > node + 1) {
        left.accept(node);
      }
      at = depth == at.length ? Arrays.copyOf(at, 2 * depth) : at;
      at[depth] = next;
      node++;
    }
  }

  private Config step(Config from, int kind) {
    Config[] known = from.next;
    if (known == null) {
      known = new Config[rules.kinds()];
      from.next = known;
      grow(known.length);
    }
    Config next = known[kind];
    if (next == null) {
      Map<Local, Tail> reached = new LinkedHashMap<>();
      boolean whole = false;
      for (int i = 0; i < from.tops.length; i++) {
        Local local = step(from.tops[i], kind);
        if (local != Local.NOWHERE) {
          whole |= close(local, from.tails[i], reached);
        }
      }
      next = kept(reached, whole);
      known[kind] = next;
    }
    return next;
  }

  private Local step(Local from, int kind) {
    Local next = from.next[kind];
    if (next == null) {
      next = local(rules.step(from.states, kind));
      from.next[kind] = next;
    }
    return next;
  }

  private Config closed(Local local, Tail tail) {
    Map<Local, Tail> reached = new LinkedHashMap<>();
    boolean whole = close(local, tail, reached);
    return kept(reached, whole);
  }

  /// Adds a place and the places that its calls and its rule's end lead to; returns whether the
  /// bottom is reached.
  private boolean close(Local local, Tail tail, Map<Local, Tail> to) {
    boolean whole = false;
    Deque<Map.Entry<Local, Tail>> todo = new ArrayDeque<>();
    todo.push(Map.entry(local, tail));
    while (!todo.isEmpty()) {
      Local top = todo.peek().getKey();
      Tail given = todo.pop().getValue();
      Tail old = to.get(top);
      Tail under = old == null ? given : both(old, given);
      if (under == old) {
        continue;
      }
      to.put(top, under);
      if (top.ends) {
        whole |= under.bottom;
        for (int i = 0; i < under.back.length; i++) {
          todo.push(Map.entry(under.back[i], under.under[i]));
        }
      }
      Local[] back = back(top);
      for (int i = 0; i < back.length; i++) {
        Tail more = tail(false, new Local[] {back[i]}, new Tail[] {under});
        todo.push(Map.entry(start(called(top)[i]), more));
      }
    }
    return whole;
  }

  private static int[] called(Local local) {
    int[] called = local.called;
    return called == null ? new int[0] : called;
  }

  private Local[] back(Local local) {
    Local[] back = local.back;
    if (back == null) {
      Map<Integer, List<Integer>> calls = new LinkedHashMap<>();
      rules.calls(
          local.states, (rule, to) -> calls.computeIfAbsent(rule, _ -> new ArrayList<>()).add(to));
      local.called = calls.keySet().stream().mapToInt(r -> r).toArray();
      back =
          calls.values().stream()
              .map(to -> local(rules.closed(to.stream().mapToInt(s -> s).toArray())))
              .toArray(Local[]::new);
      local.back = back;
    }
    return back;
  }

  private Local start(int rule) {
    Local start = starts[rule];
    if (start == null) {
      start = local(rules.closed(new int[] {rules.start(rule)}));
      starts[rule] = start;
    }
    return start;
  }

  private Local local(int[] states) {
    if (states.length == 0) {
      return Local.NOWHERE;
    }
    List<Integer> key = Arrays.stream(states).boxed().toList();
    return locals.computeIfAbsent(
        key,
        _ -> {
          boolean ends = Arrays.stream(states).anyMatch(rules::isEnd);
          grow(OBJECT + rules.kinds() + 6L * states.length);
          return new Local(numbers++, states, ends, rules.reads(states), rules.kinds());
        });
  }

  private Tail tail(boolean bottom, Local[] back, Tail[] under) {
    if (back.length == 0) {
      return Tail.BOTTOM;
    }
    List<Object> key = new ArrayList<>(List.of(bottom));
    key.addAll(Arrays.asList(back));
    key.addAll(Arrays.asList(under));
    return tails.computeIfAbsent(
        key,
        _ -> {
          grow(OBJECT + 6L * back.length);
          return new Tail(bottom, back, under);
        });
  }

  /// Returns the union of two call stacks.
  private Tail both(Tail a, Tail b) {
    if (a == b) {
      return a;
    }
    Map<Local, Tail> all = new LinkedHashMap<>();
    for (Tail tail : List.of(a, b)) {
      for (int i = 0; i < tail.back.length; i++) {
        all.merge(tail.back[i], tail.under[i], this::both);
      }
    }
    return tail(a.bottom || b.bottom, all);
  }

  private Tail tail(boolean bottom, Map<Local, Tail> pairs) {
    List<Map.Entry<Local, Tail>> sorted = sorted(pairs);
    return tail(
        bottom,
        sorted.stream().map(Map.Entry::getKey).toArray(Local[]::new),
        sorted.stream().map(Map.Entry::getValue).toArray(Tail[]::new));
  }

  private static List<Map.Entry<Local, Tail>> sorted(Map<Local, Tail> pairs) {
    return pairs.entrySet().stream()
        .sorted(Comparator.comparingInt(pair -> pair.getKey().number))
        .toList();
  }

  private Config kept(Map<Local, Tail> reached, boolean whole) {
    reached.keySet().removeIf(local -> !local.reads);
    return config(sorted(reached), whole);
  }

  private Config config(List<Map.Entry<Local, Tail>> pairs, boolean whole) {
    List<Object> key = new ArrayList<>(List.of(whole));
    for (Map.Entry<Local, Tail> pair : pairs) {
      key.add(pair.getKey());
      key.add(pair.getValue());
    }
    return configs.computeIfAbsent(
        key,
        _ -> {
          grow(OBJECT + 6L * pairs.size());
          return new Config(
              this,
              generation,
              pairs.stream().map(Map.Entry::getKey).toArray(Local[]::new),
              pairs.stream().map(Map.Entry::getValue).toArray(Tail[]::new),
              whole);
        });
  }

  /// Clears the cache if it is too large. States that callers hold do not keep it alive.
  private void forget() {
    if (weight > most) {
      configs.values().forEach(config -> config.next = null);
      for (Local local : locals.values()) {
        Arrays.fill(local.next, null);
        local.called = null;
        local.back = null;
        local.mask = null;
        local.left = null;
      }
      locals.clear();
      tails.clear();
      configs.clear();
      Arrays.fill(starts, null);
      weight = 0;
      generation++;
    }
  }

  /// Returns the state, made again if the cache was cleared since.
  private Config renewed(Config given) {
    if (given.generation == generation) {
      return given;
    }
    Map<Local, Tail> pairs = new LinkedHashMap<>();
    Map<Tail, Tail> made = new HashMap<>();
    for (int i = 0; i < given.tops.length; i++) {
      pairs.put(local(given.tops[i].states), renewed(given.tails[i], made));
    }
    return config(sorted(pairs), given.complete());
  }

  private Tail renewed(Tail given, Map<Tail, Tail> made) {
    Deque<Tail> todo = new ArrayDeque<>(List.of(given)); // a stack, as tails may be long
    while (!todo.isEmpty()) {
      Tail old = todo.peek();
      int waiting = todo.size();
      for (Tail under : old.under) {
        if (!made.containsKey(under)) {
          todo.push(under);
        }
      }
      if (todo.size() == waiting) {
        todo.pop();
        Map<Local, Tail> pairs = new LinkedHashMap<>();
        for (int i = 0; i < old.back.length; i++) {
          pairs.put(local(old.back[i].states), Objects.requireNonNull(made.get(old.under[i])));
        }
        made.put(old, tail(old.bottom, pairs));
      }
    }
    return Objects.requireNonNull(made.get(given));
  }
}
