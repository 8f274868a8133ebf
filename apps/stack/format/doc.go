// Package format reads stacks from files and writes them: YAML, TOML, JSON and Go source.
//
//	doc, err := format.Read("site.yaml", catalog)
//	main, err := doc.Stack("main")
//	app, err := stack.Build(main.Node)
//	err = main.Locate(err) // site.yaml:3:14: layers[1].level: 12 is more than 9
//
// All forms hold the same graph: what one of them is written from, another gives back deeply
// equal. YAML, TOML and JSON are three spellings of one grammar:
//
//	document  mapping: name -> node
//	node      text: the name of an app without config; or
//	          mapping: one of
//	            app      name of an app, or a node that is a mapping
//	              with     mapping: field -> value
//	            hosts    mapping: host -> node
//	              default  node
//	            paths    mapping: prefix -> node
//	            cascade  list of nodes
//	              catch    list of statuses
//	          and, around it,
//	            layers   list of layers, the outermost first
//	layer     text: the name of a layer without config; or
//	          mapping: the layer's name -> mapping: field -> value
//
// The order of mappings is kept. A value of a field is written as stack.Field.Parse reads it;
// numbers, true and false need no quotes. A list is a list of texts, a map a mapping.
//
// Go source is functions that return literals of the graph. It is a program, which builds the
// stacks; it is read without being run, so that it can hold constants and literals only.
//
// Files come from anywhere: what is read is bounded in size, depth and number of values, and
// nothing in it is followed or run.
package format
