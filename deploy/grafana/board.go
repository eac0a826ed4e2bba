package main

import (
	"encoding/json"
)

// board is a Grafana board.
type board struct {
	uid, title  string
	variables   []variable
	rows        []row
	description string
}

// variable is a choice above the board, of the values of a label.
type variable struct {
	name, label, query string
}

// row is a question with the panels that answer it.
type row struct {
	title  string
	panels []panel
}

// panel is a graph, or a number if stat is set.
type panel struct {
	title, help string
	unit        string // of Grafana; "short" if empty
	stat        bool
	red         float64 // with stat: red from this value on
	below       bool    // with stat: red below that value, green from it on
	queries     []query
}

// query is an expression with the legend of its series.
type query struct {
	expr, legend string
}

// object is a JSON object.
type object = map[string]any

// Width of a board, in Grafana's units.
const width = 24

var source = object{"type": "prometheus", "uid": "${datasource}"}

// render returns the board as JSON that Grafana imports.
func (b board) render() ([]byte, error) {
	list := []object{{
		"name": "datasource", "label": "Data source", "type": "datasource", "query": "prometheus",
	}}
	for _, v := range b.variables {
		list = append(list, object{
			"name": v.name, "label": v.label, "type": "query", "datasource": source,
			"query": object{"query": v.query, "refId": v.name}, "refresh": 2, "sort": 1,
			"includeAll": true, "allValue": ".*", "multi": true,
			"current": object{"text": []string{"All"}, "value": []string{"$__all"}},
		})
	}
	text, err := json.MarshalIndent(object{
		"uid": b.uid, "title": b.title, "description": b.description, "tags": []string{"spread"},
		"schemaVersion": 38, "editable": true, "refresh": "30s", "timezone": "browser",
		"time":         object{"from": "now-1h", "to": "now"},
		"graphTooltip": 1, "templating": object{"list": list}, "panels": b.panels(),
	}, "", " ")
	return append(text, '\n'), err
}

// panels places the rows below each other. Numbers share a line, and graphs stand two in a line.
func (b board) panels() []object {
	var all []object
	id, y := 0, 0
	add := func(o object, x, w, h int) {
		id++
		o["id"], o["gridPos"] = id, object{"x": x, "y": y, "w": w, "h": h}
		all = append(all, o)
	}
	for _, r := range b.rows {
		add(object{"type": "row", "title": r.title, "collapsed": false, "panels": []object{}}, 0, width, 1)
		y++
		var stats, graphs []panel
		for _, p := range r.panels {
			if p.stat {
				stats = append(stats, p)
			} else {
				graphs = append(graphs, p)
			}
		}
		for i, p := range stats {
			add(p.object(), i*width/len(stats), width/len(stats), 4)
		}
		if len(stats) > 0 {
			y += 4
		}
		for i, p := range graphs {
			add(p.object(), i%2*width/2, width/2, 8)
			if i%2 == 1 || i == len(graphs)-1 {
				y += 8
			}
		}
	}
	return all
}

func (p panel) object() object {
	unit := p.unit
	if unit == "" {
		unit = "short"
	}
	defaults := object{"unit": unit}
	o := object{
		"title": p.title, "description": p.help, "datasource": source,
		"fieldConfig": object{"defaults": defaults, "overrides": []object{}},
	}
	targets := make([]object, 0, len(p.queries))
	for i, q := range p.queries {
		targets = append(targets, object{
			"refId": string(rune('A' + i)), "datasource": source, "expr": q.expr, "legendFormat": q.legend, "instant": p.stat,
		})
	}
	o["targets"] = targets
	if p.stat {
		low, high := "green", "red"
		if p.below {
			low, high = high, low
		}
		defaults["thresholds"] = object{"mode": "absolute", "steps": []object{
			{"color": low, "value": nil}, {"color": high, "value": p.red},
		}}
		o["type"] = "stat"
		o["options"] = object{"colorMode": "background", "graphMode": "none", "reduceOptions": object{"calcs": []string{"lastNotNull"}}}
		return o
	}
	defaults["min"] = 0
	defaults["custom"] = object{"fillOpacity": 10, "showPoints": "never"}
	o["type"] = "timeseries"
	o["options"] = object{
		"legend":  object{"displayMode": "list", "placement": "bottom"},
		"tooltip": object{"mode": "multi", "sort": "desc"},
	}
	return o
}
