// How far a reading can be trusted, in OPC UA's three words. Only good and uncertain readings enter windows and rules.

export type Quality = 'good' | 'uncertain' | 'bad';
