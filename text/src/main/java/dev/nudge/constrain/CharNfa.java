package dev.nudge.constrain;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Deque;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/// A nondeterministic finite automaton over characters. State 0 is the start; the end is [#end].
///
/// Automata are intersected in this form, before they become bytes: a pattern and a length, a
/// number's digits and its bounds. The intersection (`and`) is the product automaton; it is not
/// made deterministic, so it never grows beyond the product.
final class CharNfa {
  private static final int MOST_STATES = 500_000;

  /// A transition to a state on one of the characters `on`; null: on the empty string.
  record Edge(@Nullable Ranges on, int to) {}

  private final List<List<Edge>> edges = new ArrayList<>();
  private int end = -1;

  int state() {
    checkStates(edges.size());
    Work.add(1);
    edges.add(new ArrayList<>(2));
    return edges.size() - 1;
  }

  /// @throws Work.TooLarge if an automaton already has the most states allowed
  static void checkStates(int states) {
    if (states >= MOST_STATES) {
      throw new Work.TooLarge("%,d states".formatted(MOST_STATES));
    }
  }

  void edge(int from, Ranges on, int to) {
    if (!on.isEmpty()) {
      Work.add(1);
      edges.get(from).add(new Edge(on, to));
    }
  }

  void skip(int from, int to) {
    Work.add(1);
    edges.get(from).add(new Edge(null, to));
  }

  CharNfa endingIn(int state) {
    end = state;
    return this;
  }

  /// Returns the accepting state. The start state is 0.
  int end() {
    return end;
  }

  int size() {
    return edges.size();
  }

  List<Edge> from(int state) {
    return edges.get(state);
  }

  /// Accepts texts of at least `least` and at most `most` characters.
  ///
  /// @param most below 0 for no bound
  static CharNfa length(int least, int most) {
    CharNfa made = new CharNfa();
    int at = made.state();
    int end = made.state();
    if (most >= 0 && least > most) {
      return made.endingIn(end);
    }
    for (int n = 0; n < Math.max(least, most); n++) {
      if (n >= least) {
        made.skip(at, end);
      }
      int next = made.state();
      made.edge(at, Ranges.ALL, next);
      at = next;
    }
    if (most < 0) {
      made.edge(at, Ranges.ALL, at);
    }
    made.skip(at, end);
    return made.endingIn(end);
  }

  /// Accepts all texts except these.
  static CharNfa allBut(Iterable<String> texts) {
    CharNfa made = new CharNfa();
    int start = made.state();
    int end = made.state();
    int other = made.state();
    made.edge(other, Ranges.ALL, other);
    made.skip(other, end);
    Map<Integer, Map<Integer, Integer>> children = new HashMap<>();
    children.put(start, new HashMap<>());
    Set<Integer> whole = new HashSet<>();
    for (String text : texts) {
      int at = start;
      for (int c : text.codePoints().toArray()) {
        Map<Integer, Integer> here = children.computeIfAbsent(at, _ -> new HashMap<>());
        Integer next = here.get(c);
        if (next == null) {
          next = made.state();
          here.put(c, next);
        }
        at = next;
      }
      children.computeIfAbsent(at, _ -> new HashMap<>());
      whole.add(at);
    }
    children.forEach(
        (state, next) -> {
          Ranges known = Ranges.NONE;
          for (Map.Entry<Integer, Integer> child : next.entrySet()) {
            Ranges on = Ranges.of(child.getKey());
            made.edge(state, on, child.getValue());
            known = known.or(on);
          }
          made.edge(state, known.not(), other);
          if (!whole.contains(state)) {
            made.skip(state, end);
          }
        });
    return made.endingIn(end);
  }

  /// Returns the intersection: it accepts the texts that both accept.
  CharNfa and(CharNfa other) {
    CharNfa made = new CharNfa();
    Map<Long, Integer> known = new HashMap<>();
    Deque<long[]> todo = new ArrayDeque<>();
    made.pair(known, todo, 0, 0);
    int last = made.pair(known, todo, end, other.end);
    while (!todo.isEmpty()) {
      long[] at = todo.remove();
      int a = (int) at[0];
      int b = (int) at[1];
      int from = (int) at[2];
      for (Edge left : from(a)) {
        if (left.on == null) {
          made.skip(from, made.pair(known, todo, left.to, b));
          continue;
        }
        for (Edge right : other.from(b)) {
          if (right.on != null) {
            Ranges on = left.on.and(right.on);
            if (!on.isEmpty()) {
              made.edge(from, on, made.pair(known, todo, left.to, right.to));
            }
          }
        }
      }
      for (Edge right : other.from(b)) {
        if (right.on == null) {
          made.skip(from, made.pair(known, todo, a, right.to));
        }
      }
    }
    return made.endingIn(last).trimmed();
  }

  /// Appends a copy of another automaton to a state and returns the copy's end.
  int add(CharNfa other, int from) {
    int[] names = new int[other.size()];
    for (int s = 0; s < names.length; s++) {
      names[s] = state();
    }
    for (int s = 0; s < names.length; s++) {
      Work.add(other.from(s).size());
      for (Edge edge : other.from(s)) {
        edges.get(names[s]).add(new Edge(edge.on, names[edge.to]));
      }
    }
    skip(from, names[0]);
    return names[other.end];
  }

  private int pair(Map<Long, Integer> known, Deque<long[]> todo, int a, int b) {
    long key = (long) a << Integer.SIZE | b;
    Integer state = known.get(key);
    if (state == null) {
      state = state();
      known.put(key, state);
      todo.add(new long[] {a, b, state});
    }
    return state;
  }

  /// Whether the automaton accepts a text.
  boolean matches(String text) {
    boolean[] now = new boolean[size()];
    reach(now, 0);
    for (int c : text.codePoints().toArray()) {
      Work.add(1 + size() / 64); // costs about as much as making as many states
      boolean[] next = new boolean[size()];
      for (int s = 0; s < now.length; s++) {
        if (now[s]) {
          for (Edge edge : from(s)) {
            if (edge.on != null && edge.on.has(c)) {
              reach(next, edge.to);
            }
          }
        }
      }
      now = next;
    }
    return now[end];
  }

  /// Whether the automaton accepts no text.
  boolean isEmpty() {
    CharNfa live = trimmed();
    boolean[] seen = new boolean[live.size()];
    Deque<Integer> todo = new ArrayDeque<>(List.of(0));
    while (!todo.isEmpty()) {
      int s = todo.pop();
      if (!seen[s]) {
        seen[s] = true;
        live.from(s).forEach(e -> todo.push(e.to));
      }
    }
    return !seen[live.end];
  }

  private void reach(boolean[] states, int first) {
    Deque<Integer> todo = new ArrayDeque<>(List.of(first));
    while (!todo.isEmpty()) {
      int s = todo.pop();
      if (!states[s]) {
        states[s] = true;
        from(s).stream().filter(e -> e.on == null).forEach(e -> todo.push(e.to));
      }
    }
  }

  /// Copies the automaton without the states from which the end cannot be reached.
  private CharNfa trimmed() {
    List<List<Integer>> back = new ArrayList<>();
    edges.forEach(_ -> back.add(new ArrayList<>()));
    for (int s = 0; s < size(); s++) {
      for (Edge edge : from(s)) {
        back.get(edge.to).add(s);
      }
    }
    boolean[] live = new boolean[size()];
    Deque<Integer> todo = new ArrayDeque<>(List.of(end));
    while (!todo.isEmpty()) {
      int s = todo.pop();
      if (!live[s]) {
        live[s] = true;
        back.get(s).forEach(todo::push);
      }
    }
    live[0] = true;
    int[] names = new int[size()];
    Arrays.fill(names, -1);
    CharNfa made = new CharNfa();
    for (int s = 0; s < size(); s++) {
      if (live[s]) {
        names[s] = made.state();
      }
    }
    for (int s = 0; s < size(); s++) {
      for (Edge edge : live[s] ? from(s) : List.<Edge>of()) {
        if (live[edge.to]) {
          made.edges.get(names[s]).add(new Edge(edge.on, names[edge.to]));
        }
      }
    }
    return made.endingIn(names[end]);
  }
}
