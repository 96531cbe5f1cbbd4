package dev.nudge.text.jinja;

import java.util.List;

/// The target of an assignment: a name, an attribute of a namespace, or several of them.
sealed interface Target {
  void set(Value value, Frame frame);

  record Name(String name) implements Target {
    @Override
    public void set(Value value, Frame frame) {
      frame.set(name, value);
    }
  }

  record Attribute(String namespace, String name) implements Target {
    @Override
    public void set(Value value, Frame frame) {
      if (!(frame.get(namespace) instanceof Namespace space)) {
        throw new Mistake("'" + namespace + "' is no namespace(), so it has no '." + name + "'");
      }
      space.set(name, value);
    }
  }

  record Several(List<Target> targets) implements Target {
    @Override
    public void set(Value value, Frame frame) {
      if (value instanceof Num || value instanceof None) {
        throw new Mistake("a " + value.type() + " cannot be taken apart");
      }
      List<Value> values = Operators.iterate(value);
      if (values.size() != targets.size()) {
        throw new Mistake("%d values for %d names".formatted(values.size(), targets.size()));
      }
      for (int i = 0; i < values.size(); i++) {
        targets.get(i).set(values.get(i), frame);
      }
    }
  }
}
