/// A Jinja interpreter for the subset that chat templates use; it renders as transformers does.
///
/// A [Template] is parsed once ([Lexer], [StatementParser], [Expression], [Statement]) and rendered
/// many times. A template works on [Value]s: text, number, none, list, dict, namespace, or a
/// built-in callable. No attribute reaches Java, only namespaces are mutable, and a [Budget] bounds
/// steps, depth and size. Each character of a [Text] keeps its [Origin] through every operation, so
/// that each part of a rendered conversation can be traced to its message.
///
/// It knows nothing about conversations, tokens, models or files. Read [Template] first, then
/// [Text] and [Expression].
@NullMarked
package dev.nudge.text.jinja;

import org.jspecify.annotations.NullMarked;
