package dev.nudge.settings;

import java.lang.annotation.ElementType;
import java.lang.annotation.Retention;
import java.lang.annotation.RetentionPolicy;
import java.lang.annotation.Target;

/// Makes a record component a setting: a flag, a YAML key and a line of help.
///
/// The names come from the component: `batchSize` is the flag `--batch-size` and the key
/// `batch_size`. The component's type determines the allowed values: `int`, `long`, `double` (boxed
/// and `@Nullable` if unset means "decide later"), `boolean` (a flag without a value; boxed
/// likewise), `String`, `Path`, an enum (its constants in lower case), a type with `static
/// parse(String)`, or `List<String>` (repeatable).
@Retention(RetentionPolicy.RUNTIME)
@Target(ElementType.RECORD_COMPONENT)
public @interface Setting {

  /// Returns the help text: what the setting does, in a few words, units included.
  String help();

  /// Returns the default as a user would write it; empty: none.
  String byDefault() default "";

  /// Values of other settings that change the default, as `method=full` or
  /// `objective=dpo|kto&method=full`; the first condition that holds applies.
  String[] when() default {};

  /// Returns the default in each of these cases.
  String[] thenDefault() default {};

  /// Another setting that, if given, removes the default; empty: none.
  String unless() default "";

  /// Whether a value must be given.
  boolean required() default false;

  /// Whether it is an operand, given without a flag, such as the runs of `runs show RUN`; messages
  /// name it by its label.
  boolean operand() default false;

  /// Whether a boolean flag also has a `--no-` form.
  boolean negatable() default false;

  /// Returns the placeholder of the value in the help; empty: derived from the type.
  String label() default "";

  /// What the value may name on the hub, as `org/name`, if no such path exists on this machine. The
  /// command resolves it to a path first.
  Names names() default Names.NOTHING;

  /// Kinds of names on the hub.
  enum Names {
    NOTHING,
    MODEL,
    ADAPTER,
    /// Rows, only as `hf:datasets/org/name/FILE`.
    DATA
  }
}
