package dev.nudge.constrain;

import java.util.ArrayList;
import java.util.List;
import java.util.function.UnaryOperator;

/// The syntax tree of a regular expression, and the construction of its automaton.
sealed interface RegularExpression {
  /// One character of a set.
  record One(Ranges of) implements RegularExpression {}

  /// Parts in sequence; no parts: the empty text.
  record Sequence(List<RegularExpression> parts) implements RegularExpression {}

  /// One of several branches.
  record Choice(List<RegularExpression> branches) implements RegularExpression {}

  /// A repetition.
  ///
  /// @param most below 0 for no bound
  record Repeat(RegularExpression of, int least, int most) implements RegularExpression {}

  /// `^` or `$`, which [#placed] takes away.
  ///
  /// @param column counted from 1
  record Anchor(boolean begin, int column) implements RegularExpression {}

  RegularExpression ANYTHING = new Repeat(new One(Ranges.ALL), 0, -1);

  /// Thrown for an anchor at a position that is not supported.
  final class Misplaced extends RuntimeException {
    private static final long serialVersionUID = 1L;
    final transient Anchor anchor;

    Misplaced(Anchor anchor) {
      super(null, null, false, false);
      this.anchor = anchor;
    }
  }

  /// Removes the anchors; the result matches whole texts.
  ///
  /// @param search whether any text may precede and follow the match where no anchor forbids it
  default RegularExpression placed(boolean search) {
    UnaryOperator<RegularExpression> begins =
        part -> search ? new Sequence(List.of(ANYTHING, part)) : part;
    UnaryOperator<RegularExpression> ends =
        part -> search ? new Sequence(List.of(part, ANYTHING)) : part;
    RegularExpression made = side(side(this, true, begins), false, ends);
    refuseAnchors(made);
    return made;
  }

  private static RegularExpression side(
      RegularExpression node, boolean begin, UnaryOperator<RegularExpression> otherwise) {
    return switch (node) {
      case Anchor anchor when anchor.begin == begin -> new Sequence(List.of());
      case Choice choice ->
          new Choice(choice.branches.stream().map(b -> side(b, begin, otherwise)).toList());
      case Sequence sequence when !sequence.parts.isEmpty() -> {
        List<RegularExpression> parts = new ArrayList<>(sequence.parts);
        int at = begin ? 0 : parts.size() - 1;
        if (!anchored(parts.get(at), begin)) {
          yield otherwise.apply(node);
        }
        parts.set(at, side(parts.get(at), begin, otherwise));
        yield new Sequence(parts);
      }
      case Anchor _, Sequence _, One _, Repeat _ -> otherwise.apply(node);
    };
  }

  private static boolean anchored(RegularExpression node, boolean begin) {
    return switch (node) {
      case Anchor anchor -> anchor.begin == begin;
      case Choice choice -> choice.branches.stream().anyMatch(b -> anchored(b, begin));
      case Sequence sequence -> sequence.parts.stream().anyMatch(p -> anchored(p, begin));
      case One _, Repeat _ -> false; // one in a repetition is refused
    };
  }

  private static void refuseAnchors(RegularExpression node) {
    switch (node) {
      case Anchor anchor -> throw new Misplaced(anchor);
      case Choice choice -> choice.branches.forEach(RegularExpression::refuseAnchors);
      case Sequence sequence -> sequence.parts.forEach(RegularExpression::refuseAnchors);
      case Repeat repeat -> refuseAnchors(repeat.of);
      case One _ -> {}
    }
  }

  /// Builds the automaton of an expression without anchors.
  default CharNfa automaton() {
    CharNfa made = new CharNfa();
    int start = made.state();
    return made.endingIn(append(this, made, start));
  }

  private static int append(RegularExpression node, CharNfa to, int from) {
    switch (node) {
      case One one -> {
        int end = to.state();
        to.edge(from, one.of, end);
        return end;
      }
      case Sequence sequence -> {
        int at = from;
        for (RegularExpression part : sequence.parts) {
          at = append(part, to, at);
        }
        return at;
      }
      case Choice choice -> {
        int end = to.state();
        for (RegularExpression branch : choice.branches) {
          int start = to.state();
          to.skip(from, start);
          to.skip(append(branch, to, start), end);
        }
        return end;
      }
      case Repeat repeat -> {
        int at = from;
        for (int n = 0; n < repeat.least; n++) {
          at = append(repeat.of, to, at);
        }
        int end = to.state();
        if (repeat.most < 0) {
          int loop = to.state();
          to.skip(at, loop);
          to.skip(append(repeat.of, to, loop), loop);
          to.skip(loop, end);
          return end;
        }
        for (int n = repeat.least; n < repeat.most; n++) {
          to.skip(at, end);
          int start = to.state(); // a part may loop back to its start
          to.skip(at, start);
          at = append(repeat.of, to, start);
        }
        to.skip(at, end);
        return end;
      }
      case Anchor anchor -> throw new Misplaced(anchor);
    }
  }
}
